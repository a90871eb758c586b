import { encodeFrame } from "@acomm/protocol";
import { temporaryDirectory } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { setTimeout as wait } from "node:timers/promises";
import { holdingsOf } from "../probe.ts";
import type { TargetReading } from "../processes/target.ts";
import { startTarget } from "../target.ts";
import { keepFailure, readCorpus } from "./corpus.ts";
import { FedConnection } from "./fed-connection.ts";
import { startHostileService } from "./hostile-service.ts";
import { breakFraming, cutAnywhere, mutate } from "./mutate.ts";
import { createRandom } from "./random.ts";
import { maxFrameBytes } from "./verdict.ts";
import type { Role } from "./verdict.ts";

/** How much is fed, and from where the mutations start. */
export interface FuzzPlan {
  /** How many frames a service and a response socket get; each gets the same ones. */
  readonly frames: number;
  readonly seed: number;
}

/** What became of it. */
export interface FuzzReport {
  /** Frames that both roles got. */
  readonly frames: number;
  /** Frames that a hostile service wrote to a tracker that called it. */
  readonly hostileFrames: number;
  /** What the roles said to the frames: `accepted` or a code. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Connections whose framing was broken, which the target therefore ended. */
  readonly cutConnections: number;
  readonly hostileConnections: number;
  /** The slowest echo of a good client in between, in milliseconds. */
  readonly slowestEchoMs: number;
  readonly echoes: number;
  /** How much the target's memory grew after the first tenth, in bytes. */
  readonly rssGrowthBytes: number;
  /** How many descriptors more the target had at the end than after the first tenth, when it was under attack. */
  readonly descriptorGrowth: number;
  /** The longest that the target's event loop was late, in milliseconds; and that by its own doing, not for want of a processor. */
  readonly maxDelayMs: number;
  readonly maxBusyMs: number;
  readonly target: TargetReading;
  /** What should not have been. */
  readonly violations: readonly string[];
  /** Inputs that were kept because they did harm. */
  readonly kept: readonly string[];
}

const roles: readonly Role[] = ["service", "response socket"];
const sockets = { service: "service.sock", "response socket": "responses.sock" } as const;
const placeOfId = Buffer.from("@ID@");

/**
 * Feeds mutated frames to a target in a process of its own: the same bytes to a service and to a tracker's response socket,
 * and others to that tracker as what a service answers it. Every word of the target is compared with what the codecs say of
 * the same bytes.
 */
export async function fuzzLive({ frames: wanted, seed }: FuzzPlan): Promise<FuzzReport> {
  await using directory = await temporaryDirectory();
  const corpus = readCorpus(directory.path);
  const entries = [...corpus.payloads.values()];
  const responses = [...corpus.payloads].flatMap(([name, payload]) => (name.startsWith("response-") ? [payload] : []));
  const random = createRandom(seed);
  const hostileRandom = createRandom(seed + 1);
  const violations: string[] = [];
  const kept: string[] = [];
  const verdicts: Record<string, number> = {};
  let frames = 0;
  let cutConnections = 0;
  let slowestEchoMs = 0;
  let echoes = 0;

  await using hostile = await startHostileService(directory.socket("hostile"), hostileRandom, (id) => withId(mutate(hostileRandom, hostileRandom.pick(hostileRandom.chance(0.7) ? responses : entries), entries), id));
  await using target = await startTarget(directory.path, { maxFrameBytes: maxFrameBytes.service });
  await using goodClient = new Tracker({ socketPath: directory.socket("good") });
  await goodClient.start();
  const before = await holdingsOf(target.pid);
  const connections = new Map<Role, FedConnection>();

  const violated = (what: string, ...inputs: readonly Buffer[]): void => {
    violations.push(what);
    if (kept.length < 16) kept.push(...inputs.map(keepFailure));
  };

  const feed = async (role: Role, pieces: readonly Buffer[]): Promise<void> => {
    const connection = connections.get(role) ?? (await FedConnection.open(`${directory.path}/${sockets[role]}`, role));
    connections.set(role, connection);
    try {
      const { acknowledgements, isOver } = await connection.feed(pieces);
      for (const word of acknowledgements) verdicts[word] = (verdicts[word] ?? 0) + 1;
      if (!isOver) return;
      cutConnections += 1;
    } catch (error) {
      violated(error instanceof Error ? error.message : String(error), Buffer.concat(pieces));
    }
    connections.delete(role);
  };

  const feedBoth = async (pieces: readonly Buffer[]): Promise<void> => {
    await Promise.all(roles.map((role) => feed(role, pieces)));
  };

  const echo = async (): Promise<void> => {
    const startedAt = performance.now();
    const args = { echo: echoes };
    try {
      const result = await goodClient.request(`unix://${directory.path}/service.sock`, { task: "echo", args, timeoutMs: 10_000 });
      if (JSON.stringify(result) === JSON.stringify(args)) echoes += 1;
      else violated(`a good client got ${JSON.stringify(result)}`);
    } catch (error) {
      violated(`a good client got ${String(error)}`);
    }
    slowestEchoMs = Math.max(slowestEchoMs, performance.now() - startedAt);
  };

  const nextBatch = (count: number): Buffer => {
    const batch: Buffer[] = [];
    while (batch.length < count) {
      const entry = random.pick(entries);
      // some stay as they are, so that good frames stand between the bad ones
      const payload = withId(random.chance(0.1) ? entry : mutate(random, entry, entries), target.openId());
      if (payload.length > 0) batch.push(Buffer.from(encodeFrame(payload)));
    }
    return random.chance(0.05) ? breakFraming(random, batch) : Buffer.concat(batch);
  };

  let reading = await target.read(); // from here on its loop is watched: that it was late while it started is no matter
  let warm = before;
  await target.call();
  try {
    for (const stream of corpus.streams.values()) await feedBoth([stream]);
    for (const payload of entries) await feedBoth([Buffer.from(encodeFrame(withId(payload, target.openId())))]);
    for (let batches = 0; frames < wanted && violations.length < 3; batches += 1) {
      const count = Math.min(200 + random.below(200), wanted - frames);
      const batch = nextBatch(count);
      frames += count;
      await feedBoth(cutAnywhere(random, batch));
      if (batches % 10 === 0) await echo();
      if (warm === before && frames >= wanted / 10) warm = await holdingsOf(target.pid);
      if (target.ended.aborted) break;
    }
    await target.rest();
    for (const connection of connections.values()) await connection.close();
    await echo();
    reading = await target.read();
    // answers to hooks where nobody listens are tried for a while
    for (const until = performance.now() + 5000; reading.inFlight > 0 && performance.now() < until; ) {
      await wait(50);
      const { inFlight, open } = await target.read();
      reading = { ...reading, inFlight, open };
    }
  } catch (error) {
    violated(String(error), ...hostile.lastWritten);
  }
  const after = target.ended.aborted ? warm : await holdingsOf(target.pid);
  for (const what of reading.unhandled) violated(what, ...hostile.lastWritten);
  for (const what of [...reading.warnings, ...reading.wrong]) violated(what);
  if (!reading.echoes) violated("the tracker under attack got no echo from the service under attack");
  if (reading.open + reading.inFlight > 0) violated(`${reading.open} requests are still open, ${reading.inFlight} under way`);
  const cut = target.ended.aborted ? 0 : await target.stop();
  if (cut > 0) violated(`${cut} requests had to be cut at the end`);
  return {
    frames,
    hostileFrames: hostile.frames,
    verdicts,
    cutConnections,
    hostileConnections: hostile.connections,
    slowestEchoMs,
    echoes,
    rssGrowthBytes: after.rssBytes - warm.rssBytes,
    descriptorGrowth: after.descriptors - warm.descriptors,
    maxDelayMs: reading.maxDelayMs,
    maxBusyMs: reading.maxBusyMs,
    target: reading,
    violations,
    kept,
  };
}

/** The bytes with an id wherever one is wanted. */
function withId(bytes: Buffer, id: string): Buffer {
  const at = bytes.indexOf(placeOfId);
  if (at < 0) return bytes;
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(id), withId(bytes.subarray(at + placeOfId.length), id)]);
}
