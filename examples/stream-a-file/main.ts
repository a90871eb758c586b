/** Files as streams beside the messages: down, up, looked at as they come, and cut short, which is an error and never a short file. */
import { Coordinator, createClient, openStream, stream, Tracker } from "acomm";
import type { AcommError, ChunkHandler, ServedStreamOptions } from "acomm";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createFiles } from "./files.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-files-"));
const socketDir = join(directory, "sockets");
await writeFile(join(directory, "numbers.txt"), Array.from({ length: 100_000 }, (_, index) => `${index}\n`).join(""));
const provider = createFiles(socketDir, directory);
await provider.start();
const coordinator = new Coordinator({ socketDir });
await coordinator.start();
const tracker = new Tracker();
await tracker.start();
const files = createClient<typeof provider>(tracker, { socketDir });

// #region download
const { result, streamUrl } = await files.call("download", { name: "numbers.txt" });
assert.ok(streamUrl !== null);
const copy = join(directory, "copy.txt");
const bytes = await stream(createWriteStream(copy), streamUrl);
console.log("downloaded", bytes, "of", result?.size, "bytes");
// #endregion
assert.deepEqual(await readFile(copy), await readFile(join(directory, "numbers.txt")));

// #region chunks
const again = await files.call("download", { name: "numbers.txt" });
const hash = createHash("sha256");
const look: ChunkHandler = (chunk) => void hash.update(chunk);
await stream(look, again.streamUrl ?? "");
console.log("sha256", hash.digest("hex").slice(0, 16));
// #endregion

// #region upload
const patience: ServedStreamOptions = { openTimeoutMs: 5_000 };
const source = await tracker.createStream(() => createReadStream(copy), patience);
const uploaded = await files.request("upload", { name: "up.txt" }, { streamUrl: source });
console.log("uploaded", uploaded.bytes, "bytes");
// #endregion
assert.deepEqual(await readFile(join(directory, "up.txt")), await readFile(copy));

// #region broken
const broken = await files.call("broken", {});
const outcome = await text(await openStream(broken.streamUrl ?? "")).catch((error: unknown) => (error as AcommError).code);
console.log("the broken one:", outcome);
// #endregion
assert.equal(outcome, "truncated_stream");
await assert.rejects(openStream(streamUrl), { code: "unavailable" }, "each stream can be read once");

async function* failing(): AsyncGenerator<string, void> {
  yield "half of ";
  await Promise.reject(new Error("the network went away"));
}
await assert.rejects(files.request("upload", { name: "never.txt" }, { streamUrl: await tracker.createStream(failing) }), { code: "truncated_stream" });
assert.equal(existsSync(join(directory, "never.txt")), false);

await tracker.stop();
await coordinator.stop();
await provider.stop();
await rm(directory, { recursive: true });
