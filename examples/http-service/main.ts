/** A service that is reached over HTTP itself, without a gateway: requests are posted, answers go to their hooks. */
import { createResponse } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { admitTargets, checkTarget, createHttpListener, createRegistry, respond, serve } from "@acomm/transport";
import type { CutWork, HandlerContext, HttpListenerOptions, RequestHandler, ServeOptions, Service, StopOptions, StopReport } from "@acomm/transport";
import assert from "node:assert/strict";

const options: HttpListenerOptions = { path: "/work", port: 0, maxFrameBytes: 1024 * 1024 };
const listener = createHttpListener(options);
await listener.start();

await using registry = createRegistry();
const admit = admitTargets(); // hooks on this machine alone
const answered: string[] = [];

const double: RequestHandler<number, number> = async ({ args }, { signal, progress, wantsProgress }: HandlerContext) => {
  signal.throwIfAborted();
  if (wantsProgress) progress("half of it");
  return 2 * args;
};
/** Answers by hand, as what stands between a caller and a service does. */
async function byHand(request: Request): Promise<void> {
  if (request.responseHook === null) return;
  await checkTarget(admit, request.responseHook, "response");
  await respond(request, createResponse(request, { result: "by hand" }), { registry, timeoutMs: 2_000 });
  answered.push(request.id);
}
const serveOptions: ServeOptions = { registry, maxInFlight: 100 };
const service: Service = serve(listener, async (request, context) => {
  if (request.task !== "by-hand") return double(request as Request<number>, context);
  context.answerWith(null); // somebody else answers
  await byHand(request);
  return null;
}, serveOptions);

const heard: unknown[] = [];
const tracker = new Tracker();
await tracker.start();
const onProgress = (value: unknown): void => { heard.push(value); };
assert.equal(await tracker.request(listener.url, { task: "double", args: 21, onProgress }), 42);
assert.equal(await tracker.request(listener.url, { task: "by-hand" }), "by hand");
assert.ok(heard.every((value) => value === "half of it"));

const patience: StopOptions = { graceMs: 2_000 };
const report: StopReport = await service.stop(patience);
const cut: readonly CutWork[] = report.cut;
assert.deepEqual([...cut, report.cutConnections, answered.length], [0, 1]);
await tracker.stop();
console.log("http-service: two answers over HTTP, one of them delivered by hand, and a stop that cut nothing");
