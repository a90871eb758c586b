/** A gateway of one's own: requests from outside go to a local service, answers and streams come back over HTTP. */
import { createRequest } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import type { TrackerOptions } from "@acomm/tracker";
import { admitTargets, createHttpTransport, createRegistry, createRequestHandler, createResponseHandler, createStreamProxyHandler, createUnixTransport, HttpDoor, openStream, requireBearerToken, send, serve, StreamSigner, UnixListener } from "@acomm/transport";
import type { HttpDoorOptions, HttpExchange, HttpHandler, HttpHandlerOptions, HttpTransportOptions, StreamProxyOptions, StreamSignerOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const directory = await mkdtemp(join(tmpdir(), "acomm-doors-"));

// the local service: it streams what it was asked for
const local = new Tracker();
await local.start();
const listener = new UnixListener(join(directory, "echo.sock"));
await listener.start();
const service = serve<string>(listener, async ({ args }, { attachStream }) => {
  attachStream(await local.createUnixStream([args, " as a stream"]));
  return args;
});

// the caller outside: a door for answers alone
const answers = new HttpDoor({ routes: {} });
const caller = new Tracker();
await caller.start();
answers.route("/answers", createResponseHandler(caller.handleResponse));
await answers.start();

// the gateway: a door for requests and streams, whose tracker answers where the policy lets it
const limits: HttpHandlerOptions = { maxBodyBytes: 64 * 1024, bodyTimeoutMs: 5_000 };
const doorOptions: HttpDoorOptions = { headersTimeoutMs: 5_000, maxConnections: 100 };
const door = new HttpDoor(doorOptions);
await door.start();
const options: TrackerOptions = { httpStreamUrl: new URL("/stream", door.url), admit: admitTargets({ origins: [answers.url] }) };
const gateway = new Tracker(options);
await gateway.start();
const accept = (request: Request, { incoming }: HttpExchange): Promise<void> => {
  assert.equal(incoming.method, "POST");
  return gateway.proxy(listener.url, request);
};
const streams: StreamProxyOptions = { signer: gateway.streamSigner, idleTimeoutMs: 10_000 };
const requests: HttpHandler = requireBearerToken(createRequestHandler(accept, limits), ["a-long-secret"]);
door.route("/", requests);
door.route("/stream", createStreamProxyHandler(streams));

// without the token nothing comes in
const httpOptions: HttpTransportOptions = { maxSockets: 4 };
await using registry = createRegistry([createHttpTransport(httpOptions), createUnixTransport()]);
const { promise, resolve } = Promise.withResolvers<Response>();
const settle = (_: Request, response: Response): void => { resolve(response); };
const request = createRequest({ task: "echo", args: "hello", responseHook: new URL("/answers", answers.url), onSuccess: settle, onError: settle });
await assert.rejects(send(door.url, request, { registry }), { code: "undeliverable", message: /status 401/ });
caller.trackRequest(request);
const body = JSON.stringify({ id: request.id, task: "echo", responsehook: request.responseHook, args: "hello" });
const headers = { "content-type": "application/json", authorization: "Bearer a-long-secret" };
assert.equal((await fetch(door.url, { method: "POST", headers, body })).status, 200);
const { result, streamUrl } = await promise;
assert.equal(result, "hello");
assert.ok(streamUrl?.protocol === "http:");
assert.equal(await text(await openStream(streamUrl, { registry })), "hello as a stream");

// what it has signed is good for a while, and for nobody else's streams
const brief: StreamSignerOptions = { ttlMs: 60_000 };
assert.throws(() => new StreamSigner(brief).verify(streamUrl.searchParams), { code: "forbidden_target" });

for (const tracker of [caller, gateway, local]) await tracker.stop();
for (const one of [service, door, answers]) await one.stop();
await rm(directory, { recursive: true });
console.log("http-doors: a request came in over HTTP, its answer and its stream went out the same way");
