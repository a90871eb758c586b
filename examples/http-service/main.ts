/** A service that is reached over HTTP itself, without a gateway: requests are posted, answers go to their hooks. */
import { asksOf, createResponse } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { admitTargets, createHttpListener, createRegistry, deliverResponse, HookProgress, serve } from "@acomm/transport";
import type { CutWork, DeliverOptions, HandlerContext, HookProgressInit, HttpListenerOptions, RequestHandler, ServeOptions, Service, StopOptions, StopReport } from "@acomm/transport";
import assert from "node:assert/strict";

const options: HttpListenerOptions = { path: "/work", port: 0, maxFrameBytes: 1024 * 1024 };
const listener = createHttpListener(options);
await listener.start();

// hooks on this machine alone
await using registry = createRegistry();
const hooks: DeliverOptions = { registry, admit: admitTargets({ origins: [] }), timeoutMs: 2_000 };
const answered: string[] = [];
const told = Promise.withResolvers<undefined>();

const double: RequestHandler<number, number> = async ({ args }, { signal, progress, wantsProgress }: HandlerContext) => {
  signal.throwIfAborted();
  if (wantsProgress) progress("half of it");
  return 2 * args;
};
/** Answers by hand, as what stands between a caller and a service does. */
async function byHand(request: Request): Promise<void> {
  const init: HookProgressInit = hooks;
  const progress = new HookProgress(request, init);
  if (asksOf(request).progress === true) progress.add("half of it, by hand");
  await told.promise; // what takes its time
  await progress.end();
  await deliverResponse(request, createResponse(request, { result: "by hand" }), hooks);
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
const onProgress = (value: unknown): void => {
  heard.push(value);
  if (value === "half of it, by hand") told.resolve(undefined);
};
assert.equal(await tracker.request(listener.url, { task: "double", args: 21, onProgress }), 42);
assert.equal(await tracker.request(listener.url, { task: "by-hand", onProgress }), "by hand");
assert.ok(heard.includes("half of it, by hand"));

const patience: StopOptions = { graceMs: 2_000 };
const report: StopReport = await service.stop(patience);
const cut: readonly CutWork[] = report.cut;
assert.deepEqual([...cut, report.cutConnections, answered.length], [0, 1]);
await tracker.stop();
console.log("http-service: two answers over HTTP, one of them delivered by hand, and a stop that cut nothing");
