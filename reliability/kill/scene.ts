import { Tracker } from "@acomm/tracker";
import { startFaultProxy } from "@acomm/transport-testing";
import { temporaryDirectory } from "@acomm/testing";
import type { Fixture } from "@acomm/testing";
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { holdingsOf } from "../probe.ts";
import { runProcess } from "../run-process.ts";
import { ask } from "./ask.ts";
import type { Outcome, Question } from "./ask.ts";

/** Where in a call somebody is killed, by its number in the catalogue of what must be survived. */
export const steps = {
  "F1 before it is read": {},
  "F2 a part of it read": { stallAfterBytes: 60 },
  "F3 accepted": { step: "accepted" },
  "F4 in its handler": { step: "handling" },
  "F5 a part of its answer written": { task: "text", bytes: 8 * 1024 * 1024, step: "answering" },
  "F6 answered, not acknowledged": { step: "delivered", toHook: true },
} as const;

/** The name of a step. */
export type Step = keyof typeof steps;

/** Who is killed. */
export type Side = "service" | "caller";

/** What was seen in one round. */
export interface Round {
  readonly outcomes: readonly Outcome[];
  /** When the last outcome came after the kill, in milliseconds. */
  readonly latestMs: number;
  /** Keys of requests whose handler ran more than once, and of those that were said not to have run and did. */
  readonly ranTwice: readonly string[];
  readonly ranAllTheSame: readonly string[];
  /** Requests that had no outcome, or more than one, by their deadline and half a second. */
  readonly lost: readonly string[];
  /** Whether the survivor's descriptors, and the requests under way at it, were back where they were within two seconds. */
  readonly isBack: boolean;
}

const timeoutMs = 2000;
const graceMs = 500;
const settleMs = 2000;

/** A service in a process of its own, and a caller in this one, for one round after the other. */
export class Scene implements AsyncDisposable {
  readonly #directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  readonly #tracker: Tracker;
  readonly #url: string;
  readonly #servicePath: string;
  readonly #notesPath: string;
  #service: Fixture;
  #count = 0;

  private constructor(directory: Awaited<ReturnType<typeof temporaryDirectory>>, tracker: Tracker) {
    this.#directory = directory;
    this.#tracker = tracker;
    this.#servicePath = directory.socket("service");
    this.#notesPath = `${directory.path}/notes`;
    this.#url = `unix://${this.#servicePath}`;
    this.#service = this.#startService();
  }

  static async start(): Promise<Scene> {
    const directory = await temporaryDirectory();
    const tracker = new Tracker({ socketPath: directory.socket("caller") });
    await tracker.start();
    const scene = new Scene(directory, tracker);
    await scene.#isReady();
    return scene;
  }

  /** Kills one side at a step, with calls of the surviving caller on their way. */
  async killAt(step: Step, side: Side): Promise<Round> {
    const what: Partial<{ task: string; step: string; bytes: number; toHook: boolean; stallAfterBytes: number }> = steps[step];
    const { task = "echo", bytes = 0, toHook = false, stallAfterBytes } = what;
    const question: Question = { task, args: { key: this.#newKey(), bytes, ...(what.step === undefined ? {} : { step: what.step }) }, timeoutMs, toHook };
    await using proxy = stallAfterBytes === undefined ? undefined : await startFaultProxy(this.#directory.socket("proxy"), { target: this.#servicePath, plan: { toTarget: { stallAfterBytes } } });
    const url = proxy?.url.href ?? this.#url;
    await using caller = side === "caller" ? runProcess("caller", url, this.#directory.socket(`other${this.#count}`)) : undefined;
    await caller?.message();
    const before = await this.#holdings(side);
    // others wait for answers of the same service, on a kept connection; where it is the service that dies, without end
    const others = [side === "service" ? "wait" : "slow", "echo"].map((other) => ask(this.#tracker, this.#url, { task: other, args: { key: this.#newKey(), ms: 50 }, timeoutMs }));
    await others[1];
    if (step === "F1 before it is read") {
      this.#service.child.kill("SIGSTOP");
      await this.#service.stopped();
    }
    const asked: Promise<Outcome>[] = [];
    if (caller === undefined) asked.push(ask(this.#tracker, url, question));
    else caller.child.send([question]);
    if (stallAfterBytes !== undefined) while (proxy?.bytesToTarget !== stallAfterBytes) await wait(1);
    else if (step !== "F1 before it is read") await this.#service.stopped();
    else await wait(20); // a stopped process can't tell that something has come
    // and one more is asked of a service that is stopped
    asked.push(ask(this.#tracker, this.#url, { task: "echo", args: { key: this.#newKey() }, timeoutMs }));
    await new Promise((resolve) => setImmediate(resolve));
    const killedAt = performance.now();
    await (caller ?? this.#service).kill("SIGKILL");
    if (side === "service") this.#service = this.#startService();
    else this.#service.child.kill("SIGCONT");
    const outcomes = Promise.all([...others, ...asked]);
    if (side === "service") await this.#isReady();
    await outcomes;
    await proxy?.stop(); // it holds what it does not read, and is none of those who are judged
    return await this.#judge(side, killedAt, await outcomes, before);
  }

  /** Kills a service and a caller of it at once, and gives how long it took until the next caller had an answer of the next service. */
  async killBoth(): Promise<{ readonly answeredAfterMs: number; readonly round: Round }> {
    const otherPath = this.#directory.socket("both");
    await using caller = runProcess("caller", this.#url, otherPath);
    await caller.message();
    const before = await this.#holdings("service");
    caller.child.send([{ task: "wait", args: { key: this.#newKey(), step: "handling" }, timeoutMs }]);
    await this.#service.stopped();
    const asked = [ask(this.#tracker, this.#url, { task: "echo", args: { key: this.#newKey() }, timeoutMs })];
    const killedAt = performance.now();
    await Promise.all([caller.kill("SIGKILL"), this.#service.kill("SIGKILL")]);
    this.#service = this.#startService();
    // both start where the dead ones were
    await using next = new Tracker({ socketPath: otherPath });
    await Promise.all([next.start(), this.#service.message()]);
    const startedAt = performance.now();
    await next.request(this.#url, { task: "echo", timeoutMs });
    const answeredAfterMs = performance.now() - startedAt;
    await next.stop();
    return { answeredAfterMs, round: await this.#judge("service", killedAt, await Promise.all(asked), before) };
  }

  /** Kills one side at any moment, while many calls of every kind are on their way. */
  async killAtRandom(side: Side): Promise<Round> {
    await using caller = side === "caller" ? runProcess("caller", this.#url, this.#directory.socket(`other${this.#count}`)) : undefined;
    await caller?.message();
    const before = await this.#holdings(side);
    const questions = Array.from({ length: 40 }, (_, index): Question => ({
      task: index % 10 === 0 ? "text" : index % 7 === 0 ? "slow" : "echo",
      args: { key: this.#newKey(), bytes: 1024 * 1024, ms: 10 },
      timeoutMs: index % 4 === 0 ? 500 : timeoutMs, // nothing tells who waits at a hook that its service has died
      toHook: index % 4 === 0,
    }));
    caller?.child.send(questions);
    const asked: Promise<Outcome>[] = [];
    const killAfterMs = Math.random() * 30;
    const until = performance.now() + killAfterMs;
    // they come one after the other, so that the kill meets each part of a call
    for (const question of questions) {
      if (caller === undefined) asked.push(ask(this.#tracker, this.#url, question));
      await wait(Math.random() < 0.5 ? 0 : 1);
      if (performance.now() > until) break;
    }
    if (caller !== undefined) asked.push(ask(this.#tracker, this.#url, { task: "echo", args: { key: this.#newKey() }, timeoutMs }));
    const killedAt = performance.now();
    const killed = (caller ?? this.#service).kill("SIGKILL");
    if (side === "service") {
      // calls go on while nobody is there and while its successor starts
      asked.push(...Array.from({ length: 5 }, () => ask(this.#tracker, this.#url, { task: "echo", args: { key: this.#newKey() }, timeoutMs })));
      await killed;
      this.#service = this.#startService();
      await this.#isReady();
    }
    await killed;
    return await this.#judge(side, killedAt, await Promise.all(asked), before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tracker.stop({ graceMs: 0 });
    await this.#service[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }

  #startService(): Fixture {
    return runProcess("service", this.#servicePath, this.#notesPath);
  }

  async #isReady(): Promise<void> {
    await this.#service.message();
    // so that the connection is there, and known to be kept
    await this.#tracker.request(this.#url, { task: "echo", timeoutMs });
  }

  #newKey(): string {
    this.#count += 1;
    return `k${this.#count}`;
  }

  /** Of the one that survives, when nothing is on its way. */
  async #holdings(side: Side): Promise<{ readonly descriptors: number; readonly inFlight: number }> {
    const { inFlight } = await this.#tracker.request<{ readonly inFlight: number }>(this.#url, { task: "status", timeoutMs });
    const { descriptors } = await holdingsOf(side === "service" ? process.pid : (this.#service.child.pid ?? 0));
    return { descriptors, inFlight };
  }

  async #judge(side: Side, killedAt: number, outcomes: readonly Outcome[], before: { readonly descriptors: number; readonly inFlight: number }): Promise<Round> {
    let isBack = false;
    const until = performance.now() + settleMs;
    while (!isBack && performance.now() < until) {
      const now = await this.#holdings(side);
      isBack = now.descriptors <= before.descriptors && now.inFlight <= before.inFlight && this.#tracker.pendingCount === 0;
      if (!isBack) await wait(10);
    }
    const notes = await readFile(this.#notesPath, "utf8").catch(() => "");
    const runs = new Map<string, number>();
    for (const key of notes.split("\n")) runs.set(key, (runs.get(key) ?? 0) + 1);
    runs.delete("");
    return {
      outcomes,
      latestMs: Math.max(...outcomes.map(({ atMs }) => atMs)) - killedAt,
      ranTwice: [...runs].filter(([, count]) => count > 1).map(([key]) => key),
      ranAllTheSame: outcomes.filter(({ key, code }) => code === "unavailable" && runs.has(key)).map(({ key }) => key),
      lost: outcomes.filter(({ lateMs, times }) => lateMs > graceMs || times() !== 1).map(({ key }) => key),
      isBack,
    };
  }
}
