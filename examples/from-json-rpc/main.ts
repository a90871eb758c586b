/** The same calls by JSON-RPC and by a provider: a result with progress, an error with data, a notification, cancelling, a batch. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as after from "./after.ts";
import * as before from "./before.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-rpc-"));
const expected = ["copied", [1, 2], { most: 10 }, ["copied", "copied", "copied"]];

const wroteBefore: string[] = [];
const server = await before.listen(join(directory, "rpc.sock"), wroteBefore);
assert.deepEqual(await before.callAll(join(directory, "rpc.sock")), expected);
server.close();

const wroteAfter: string[] = [];
const copier = after.createCopier(directory, wroteAfter);
await copier.start();
assert.deepEqual(await after.callAll(directory), expected);
await copier.stop();

assert.deepEqual(wroteAfter, wroteBefore);
await rm(directory, { recursive: true });
console.log("before and after:", JSON.stringify(expected), "and", JSON.stringify(wroteAfter));
