// Takes what an attacker sends: a service at service.sock, and a tracker with its response socket at responses.sock, which also
// calls whatever is at hostile.sock.
import { AcommError, createRequest } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { admitTargets, serve, UnixListener } from "@acomm/transport";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { watchLoop } from "../probe.ts";

const [directory = "", maxFrameBytes] = process.argv.slice(2);
/** How much later than its deadline a call may be settled, beyond what the loop itself was late. */
const lateMs = 500;
const callTimeoutMs = 150;

/** What {@link TargetReading} counts since the beginning, but for the loop's delay. */
export interface TargetReading {
  /** The longest that the event loop was late since the last question, in milliseconds; and that by its own doing. */
  readonly maxDelayMs: number;
  readonly maxBusyMs: number;
  /** What no one caught. */
  readonly unhandled: readonly string[];
  readonly warnings: readonly string[];
  /** Calls to the hostile service, and what became of them, by code. */
  readonly calls: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Calls that had their outcome late, more than one, or one that is no AcommError. */
  readonly wrong: readonly string[];
  /** What is left in its memory once the garbage is collected, in bytes. */
  readonly heldBytes: number;
  readonly open: number;
  readonly inFlight: number;
  /** Failures that went to `onError`, by code. */
  readonly reported: Readonly<Record<string, number>>;
  /** Whether calls of its own, by the tracker that is under attack to the service that is, were answered. */
  readonly echoes: boolean;
}

const unhandled: string[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(String(reason)));
process.on("uncaughtException", (error) => unhandled.push(error.stack ?? error.message));
const warnings: string[] = [];
process.on("warning", (warning) => warnings.push(warning.message));

const reported: Record<string, number> = {};
const onError = (error: Error): void => {
  const code = error instanceof AcommError ? error.code : error.name;
  reported[code] = (reported[code] ?? 0) + 1;
};
const listener = new UnixListener(`${directory}/service.sock`, { maxFrameBytes: maxFrameBytes === undefined ? undefined : Number(maxFrameBytes) });
await listener.start();
const service = serve(listener, (request) => request.args, { admit: admitTargets({ socketDirectories: [directory] }), hookTimeoutMs: 100, onError });
const tracker = new Tracker({ socketPath: `${directory}/responses.sock`, onError });
await tracker.start();
const readLoop = watchLoop();
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let calls = 0;
const outcomes: Record<string, number> = {};
const wrong: string[] = [];
let slowestMs = 0;
let isCalling = false;
let callers: Promise<unknown> = Promise.resolve();

function note(outcome: string, startedAt: number): void {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  slowestMs = Math.max(slowestMs, performance.now() - startedAt);
}

const outcomeOf = (error: unknown): string => {
  if (error instanceof AcommError) return error.code;
  wrong.push(`a call failed with ${String(error)}`);
  return "no AcommError";
};

/** One call after the other to the hostile service, in both forms of the interface. */
async function callOn(): Promise<void> {
  while (isCalling) {
    calls += 1;
    const startedAt = performance.now();
    const call = calls % 2 === 0 ? tracker.request(`unix://${directory}/hostile.sock`, { task: "echo", args: calls, timeoutMs: callTimeoutMs }) : tracker.call(`unix://${directory}/hostile.sock`, { task: "echo", timeoutMs: callTimeoutMs });
    await call.then(
      () => { note("answered", startedAt); },
      (error: unknown) => { note(outcomeOf(error), startedAt); },
    );
  }
}

/** A request that is only tracked: its id is told to the attacker, who answers it at the response socket, or not. */
async function trackOn(): Promise<void> {
  while (isCalling) {
    const startedAt = performance.now();
    await new Promise<void>((resolve) => {
      let settled = 0;
      const settle = (outcome: string): void => {
        settled += 1;
        if (settled > 1) wrong.push("a tracked request was settled twice");
        note(outcome, startedAt);
        resolve();
      };
      const request = createRequest({
        task: "echo",
        args: null,
        responseHook: tracker.url,
        onSuccess: () => { settle("answered at the hook"); },
        onError: () => { settle("failed at the hook"); },
      });
      tracker.trackRequest(request, { timeoutMs: callTimeoutMs });
      process.send?.({ id: request.id });
    });
  }
}

async function echo(): Promise<boolean> {
  const args = { still: ["here", calls] };
  return JSON.stringify(await tracker.request(listener.url, { task: "echo", args, timeoutMs: 5000 })) === JSON.stringify(args);
}

const answers: Readonly<Record<string, () => Promise<object>>> = {
  async call() {
    isCalling = true;
    callers = Promise.all([...Array.from({ length: 24 }, callOn), ...Array.from({ length: 4 }, trackOn)]);
    return {};
  },
  async rest() {
    isCalling = false;
    await callers;
    return {};
  },
  async read(): Promise<TargetReading> {
    const { maxDelayMs, maxBusyMs } = readLoop();
    if (slowestMs > callTimeoutMs + maxDelayMs + lateMs) wrong.push(`a call was settled after ${Math.round(slowestMs)} ms, its deadline was ${callTimeoutMs} ms, and the loop ${Math.round(maxDelayMs)} ms late`);
    slowestMs = 0;
    const echoes = await echo().catch(() => false);
    collectGarbage(); // whoever asks looks at the memory next
    readLoop();
    const { heapUsed, external } = process.memoryUsage();
    return { maxDelayMs, maxBusyMs, unhandled, warnings, calls, outcomes, wrong, heldBytes: heapUsed + external, open: tracker.pendingCount, inFlight: service.inFlightCount, reported, echoes };
  },
  async stop() {
    const reports = [await service.stop({ graceMs: 2000 }), await tracker.stop({ graceMs: 2000 })];
    return { cut: reports.flatMap(({ cut }) => cut).length };
  },
};

process.on("message", (question: string) => {
  void answers[question]?.().then((answer) => {
    process.send?.({ answer });
    if (question === "stop") process.disconnect();
  });
});
process.on("disconnect", () => process.exit()); // whoever attacks it may die first
process.send?.({ answer: "ready" });
