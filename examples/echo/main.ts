/** A service and a caller. */
import { Tracker } from "@acomm/tracker";
import { serve, UnixListener } from "@acomm/transport";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "acomm-echo-"));

const listener = new UnixListener(join(directory, "echo.sock"));
await listener.start();
const service = serve(listener, (request) => request.args);

const tracker = new Tracker();
await tracker.start();
const result = await tracker.request(listener.url, { task: "echo", args: { hello: "world" }, timeoutMs: 2000 });
assert.deepEqual(result, { hello: "world" });

await tracker.stop();
await service.stop();
await rm(directory, { recursive: true });
console.log("echo: the service answered", result);
