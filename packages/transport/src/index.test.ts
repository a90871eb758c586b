import { expect, test } from "vitest";
import * as transport from "./index.ts";

test("the public names", () => {
  expect(Object.keys(transport).sort()).toEqual([
    "Connection",
    "Deadlines",
    "HttpDoor",
    "MessageServer",
    "StreamSigner",
    "UnixListener",
    "admitTargets",
    "cancelledError",
    "checkCount",
    "checkDepth",
    "checkGraceMs",
    "checkTarget",
    "checkTimeoutMs",
    "createHttpTransport",
    "createMemoryNetwork",
    "createRegistry",
    "createRequestHandler",
    "createResponseHandler",
    "createStreamListener",
    "createStreamProxyHandler",
    "createStreamTransport",
    "createUnixTransport",
    "delay",
    "deliverResponse",
    "errorChannelName",
    "openStream",
    "report",
    "respond",
    "send",
    "serve",
    "serveUnixStream",
    "stream",
  ]);
});
