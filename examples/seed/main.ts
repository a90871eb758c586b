/** As a program of the Go package does it: a loop over connections, tracked requests that are sent by hand, and a wait for many. */
import { MultiRequest } from "@acomm/multirequest";
import { acceptedOnceText, createRequest, createResponse, decodeRequest, encodeRefusal, unmarshalArgs, unmarshalResult, validateRequest } from "@acomm/protocol";
import type { Request, RequestInit, Response, ResponseHandler, ResponseInit } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { respond, send, UnixListener } from "@acomm/transport";
import type { Connection, SendOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const directory = await mkdtemp(join(tmpdir(), "acomm-seed-"));
const limits: SendOptions = { timeoutMs: 2_000 };

// #region service
async function answer(connection: Connection): Promise<void> {
  let request: Request;
  try {
    request = decodeRequest((await connection.read(limits)) ?? "");
    validateRequest(request);
    await connection.write(acceptedOnceText); // first the acknowledgement, then the work
  } catch (error) {
    await connection.write(encodeRefusal(error, { keepAlive: false }));
    return;
  } finally {
    listener.doneConnection(connection);
  }
  let outcome: ResponseInit<number>;
  try {
    const numbers = await unmarshalArgs(request, z.array(z.number()));
    outcome = { result: numbers.reduce((sum, one) => sum + one, 0) };
  } catch (error) {
    outcome = { error };
  }
  await respond(request, createResponse(request, outcome), limits);
}

const listener = new UnixListener(join(directory, "adder.sock"));
await listener.start();
const served = (async () => {
  for (let next = await listener.nextConnection(); next !== undefined; next = await listener.nextConnection()) void answer(next);
})();
// #endregion

// #region tracked
const tracker = new Tracker({ socketPath: join(directory, "response.sock") });
await tracker.start();
const { promise, resolve } = Promise.withResolvers<Response>();
const settle: ResponseHandler = (_, response) => { resolve(response); };
const init: RequestInit = { task: "add", args: [1, 2, 3], responseHook: tracker.url, onSuccess: settle, onError: settle };
const request = createRequest(init);
tracker.trackRequest(request, limits);
await send(listener.url, request, limits).catch((error: unknown) => {
  tracker.removeRequest(request);
  throw error;
});
assert.equal(await unmarshalResult(await promise, z.number()), 6);
// #endregion

// #region many
const multi = new MultiRequest(tracker, { timeoutMs: 2_000 });
for (const [name, args] of Object.entries({ small: [1, 2], large: [1e6, 1], wrong: ["one"] })) {
  const one = createRequest({ task: "add", args, responseHook: tracker.url });
  multi.addRequest(name, one);
  await send(listener.url, one, limits).catch(() => multi.removeRequest(one));
}
const responses = await multi.responses();
// #endregion
assert.deepEqual([responses.get("small")?.result, responses.get("large")?.result], [3, 1_000_001]);
assert.match(responses.get("wrong")?.error ?? "", /^bad_field: args\.0: /);

await tracker.stop();
await listener.stop();
await served;
await rm(directory, { recursive: true });
console.log("seed: a loop over connections, one tracked request, and three that were waited for together");
