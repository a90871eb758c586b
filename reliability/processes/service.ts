// A service that notes in a file which requests its handlers ran for, and stops itself at the step that a request names.
import { AcommError } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createRegistry, createHttpTransport, createStreamTransport, serve, UnixListener } from "@acomm/transport";
import type { HandlerContext } from "@acomm/transport";
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { restingBytes } from "../soak/resting.ts";

/** What the tasks of this service take. */
interface TaskArgs {
  /** Names the request in the file of those that ran. */
  readonly key?: string;
  readonly step?: "accepted" | "handling" | "answering" | "delivered";
  readonly bytes?: number;
  readonly ms?: number;
}

const [socketPath = "", notesPath = "", hookTimeoutMs = "500", graceMs = "2000"] = process.argv.slice(2);
const stopHere = (): void => { process.kill(process.pid, "SIGSTOP"); };
let stopsAtDelivery = false;

/** Carries the answers to hooks, and stops the process where one is written and not acknowledged. */
const hooks = createStreamTransport({
  schemes: ["unix"],
  isLossy: false,
  connect: ({ pathname }) => new Promise((resolve, reject) => {
    const socket: Socket = connect({ path: decodeURIComponent(pathname), allowHalfOpen: true });
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (...args: unknown[]) => {
      const isRoom = write(...args);
      if (stopsAtDelivery) stopHere();
      stopsAtDelivery = false;
      return isRoom;
    };
    socket.once("error", reject);
    socket.once("connect", () => { resolve(socket.pause()); });
  }),
});
const tracker = new Tracker({ socketPath: `${socketPath}.tracker` });
await tracker.start();

const tasks: Readonly<Record<string, (args: TaskArgs, context: HandlerContext) => unknown>> = {
  echo: (args) => args,
  text: ({ bytes = 0 }) => "x".repeat(bytes),
  slow: async ({ ms = 0 }) => {
    await wait(ms);
    return "at last";
  },
  wait: (_args, { signal }) => new Promise((resolve) => { signal.addEventListener("abort", () => { resolve("nobody waits"); }); }),
  stuck: () => new Promise(() => undefined),
  block: ({ ms = 0 }) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
    return "blocked";
  },
  stream: async ({ bytes = 0 }, { attachStream }) => {
    const content = Buffer.alloc(bytes, "0123456789abcdef\n");
    attachStream(await tracker.createUnixStream([content], { directory: dirname(socketPath) }));
    return { bytes, sha256: createHash("sha256").update(content).digest("hex") };
  },
  rest: () => restingBytes(),
  status: () => ({ inFlight: service.inFlightCount - 1 }),
};

function handle(request: Request, context: HandlerContext): unknown {
  const args = (request.args ?? {}) as TaskArgs;
  if (args.step === "accepted") stopHere();
  if (args.key !== undefined) appendFileSync(notesPath, `${args.key}\n`);
  if (args.step === "handling") stopHere();
  if (args.step === "answering") process.nextTick(stopHere); // the kernel has taken what it can hold by then
  if (args.step === "delivered") stopsAtDelivery = true;
  const run = tasks[request.task];
  if (run === undefined) throw new AcommError("unknown_task", `there is no task ${JSON.stringify(request.task)}`);
  return run(args, context);
}

const listener = new UnixListener(socketPath);
await listener.start();
const service = serve(listener, handle, { registry: createRegistry([hooks, createHttpTransport()]), hookTimeoutMs: Number(hookTimeoutMs) });

process.on("SIGTERM", () => {
  void (async () => {
    await service.stop({ graceMs: Number(graceMs) });
    await tracker.stop({ graceMs: 500 });
    await hooks.close();
    process.disconnect();
  })();
});
process.send?.("ready");
