import { internalNames } from "@acomm/testing";
import { expect, test } from "vitest";
import * as transport from "./index.ts";

const internal = await internalNames(import.meta.dirname);
const names = Object.keys(transport).sort();

test("the public names", () => {
  expect(names.filter((name) => !internal.has(name))).toEqual([
    "Connection", "HttpDoor", "MessageConnection", "StreamSigner", "UnixListener", "admitTargets", "checkTarget", "createHttpListener",
    "createHttpTransport", "createMemoryNetwork", "createMessageListener", "createRegistry", "createRequestHandler",
    "createResponseHandler", "createStreamListener", "createStreamProxyHandler", "createStreamTransport", "createUnixTransport",
    "errorChannelName", "openStream", "requireBearerToken", "respond", "send", "serve", "serveUnixStream", "stream", "urlOfSocketPath",
  ]);
});

test("what only its neighbours use, and no type mentions", () => {
  expect(names.filter((name) => internal.has(name))).toEqual([
    "Deadlines", "HookProgress", "MessageServer", "cancelledError", "checkCount", "checkDepth", "checkGraceMs", "checkSignal",
    "checkTimeoutMs", "delay", "deliverResponse", "openSource", "report", "settledWithin", "waitFor", "withinGrace",
  ]);
});
