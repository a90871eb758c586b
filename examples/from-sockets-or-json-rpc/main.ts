/** The same service by hand and by `serve`, in front of the same troubles. */
import { AcommError, Tracker } from "acomm";
import { startFaultProxy } from "acomm/testing";
import type { FaultPlan } from "acomm/testing";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { countByHand } from "./by-hand.ts";
import { count } from "./served.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-from-"));
await using tracker = new Tracker();
await tracker.start();

async function start(kind: string, path: string) {
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "server.ts"), kind, path], { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  const isUp = await Promise.race([once(child.stdout, "data").then(() => true), exited.then(() => false)]);
  return { isUp, exited, kill: () => child.kill("SIGKILL") };
}

/** What becomes of a call within two seconds. */
async function outcomeOf(call: Promise<number>): Promise<string> {
  const failed = (error: unknown): string => (error instanceof AcommError ? error.code : "the server is down");
  return Promise.race([call.then(() => "answered", failed), setTimeout(2_000, "waits for ever", { ref: false })]);
}

async function tryAll(kind: "by-hand" | "served"): Promise<string[]> {
  const path = join(directory, `${kind}.sock`);
  const ask = (at: string): Promise<string> => outcomeOf(kind === "served" ? count(tracker, at, "one two") : countByHand(at, "one two"));
  const through = async (plan: FaultPlan): Promise<string> => {
    await using proxy = await startFaultProxy(join(directory, "proxy", `${outcomes.length}.sock`), { target: path, plan });
    return await ask(proxy.url.pathname);
  };
  let server = await start(kind, path);
  const outcomes = [await ask(path), ((await stat(path)).mode & 0o777).toString(8)];
  outcomes.push(await through({ toClient: { cutAfterBytes: kind === "served" ? 100 : 0, cut: "end" } })); // after what says that it is taken, where there is such a thing
  outcomes.push(await through({ toTarget: { pieceBytes: 8, delayMs: 10 } }));

  server.kill();
  await server.exited;
  await rm(path, { force: true }); // so that the next trouble finds a server, whatever became of it
  server = await start(kind, path);
  const stranger = connect(path).end("nonsense\n").resume();
  await once(stranger, "close");
  outcomes.push(await ask(path));

  server.kill();
  await server.exited;
  server = await start(kind, path);
  outcomes.push(server.isUp ? await ask(path) : "does not start");
  server.kill();
  return outcomes;
}

const troubles = ["nothing", "the mode of the socket", "the answer is cut off", "it comes in pieces", "a stranger's nonsense", "killed, started again"];
const [byHand, served] = [await tryAll("by-hand"), await tryAll("served")];
for (const [index, trouble] of troubles.entries()) console.log(`${trouble.padEnd(24)} ${byHand[index]?.padEnd(20) ?? ""} ${served[index] ?? ""}`);
assert.deepEqual(served, ["answered", "600", "ambiguous", "answered", "answered", "answered"]);
assert.ok(byHand.slice(2).every((outcome) => outcome !== "answered"));
await rm(directory, { recursive: true });
