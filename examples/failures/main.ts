/** An error on its way: in a service, over the wire, at its caller, and where nobody can be told. */
import { exitCodes } from "@acomm/cli";
import { AcommError, acommErrorCodes, createRequest, createResponse, decodeErrorText, decodeResponse, encodeErrorText, encodeResponse, errorOfResponse, handleResponse, isErrorCode } from "@acomm/protocol";
import type { AcommErrorCode, AcommErrorOptions, Failure, FailureCause, ResponseHandler } from "@acomm/protocol";
import { createMemoryNetwork, createRegistry, createUnixTransport, errorChannelName, send, serve } from "@acomm/transport";
import type { ErrorHook } from "@acomm/transport";
import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";

// in the service: a code, a message, and what a program may want to know
const below = new AcommError("unavailable", "the printer is off");
const options: AcommErrorOptions = { cause: below, details: { printer: 3 }, retryable: true };
const error = new AcommError("remote", "it was not printed", options);

// over the wire: never a stack
const request = createRequest({ task: "print" });
const text = encodeResponse(createResponse(request, { error }));
assert.doesNotMatch(text, /main\.ts/);
const response = decodeResponse(text);
const failure: Failure | undefined = response.failure;
const causes: readonly FailureCause[] = failure?.cause ?? [];
assert.deepEqual(causes, [{ message: "the printer is off", code: "unavailable" }]);

// at the caller: the same code, details and cause
const arrived = errorOfResponse(response);
assert.deepEqual([arrived.code, arrived.message, arrived.details, arrived.retryable], ["remote", "it was not printed", { printer: 3 }, true]);
assert.ok(arrived.cause instanceof AcommError);

// the text alone, which is all that a peer of the Go package sends
assert.equal(encodeErrorText(new AcommError("overloaded", "come back later")), "overloaded: come back later");
assert.equal(decodeErrorText("overloaded: come back later").code, "overloaded");
assert.equal(decodeErrorText("out of paper").code, "remote");
const [word = ""] = "ambiguous: it may have run".split(":");
assert.ok(isErrorCode(word));
const advice: Partial<Record<AcommErrorCode, string>> = { unavailable: "send it again", ambiguous: "look whether it was done", timeout: "ask later" };
assert.equal(advice[word], "look whether it was done");

// a request that is sent by hand runs its handlers
const heard: string[] = [];
const onError: ResponseHandler = (_, { error: said }) => { heard.push(said); };
handleResponse({ ...request, onError }, response);
assert.deepEqual(heard, ["it was not printed"]);

// what no caller can receive goes to a hook, and to the channel of the process
const seen: string[] = [];
subscribe(errorChannelName, (message) => { seen.push((message as { readonly error: AcommError }).error.code); });
const told = Promise.withResolvers<string>();
const hook: ErrorHook = ({ code }) => { told.resolve(code); };
const network = createMemoryNetwork();
await using registry = createRegistry([network.transport, createUnixTransport()]);
await using printer = network.createListener("printer");
await printer.start();
await using _service = serve(printer, () => "printed", { registry, hookTimeoutMs: 20, onError: hook });
await send(printer.url, createRequest({ task: "print", responseHook: "unix:///run/acomm/response/has-left.sock" }), { registry });
assert.deepEqual([await told.promise, ...seen], ["undeliverable", "undeliverable"]);

console.log(`failures: one of ${acommErrorCodes.length} codes crossed the wire; in a shell it would have been exit code ${exitCodes.unavailable}, since it may be sent again`);
