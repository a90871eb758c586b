import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Demo } from "./demo.ts";
import type { LargeFile } from "./large-file.ts";
import { postAndWait, readEvents, urlOf } from "./outside.ts";
import { createProgress, heading, list, size } from "./print.ts";

/** Gives the URL of the stream that it has read. */
export async function askFromOutside({ door, client }: Demo): Promise<URL> {
  heading("From outside, over HTTP");
  const overHttp = await postAndWait(door, { task: "cpu" });
  const { model } = overHttp.result as { readonly model: string };
  assert.equal(model, (await client.request("cpu")).model);
  const events = await readEvents(door, { task: "work", args: { ms: 40 } });
  assert.deepEqual(events.map(({ event }) => event), ["progress", "progress", "progress", "progress", "response"]);
  list([["cpu", model], ["work", `${events.length - 1} events of progress, then the response`]]);

  const file = await postAndWait(door, { task: "file" });
  const stream = urlOf(file.stream_url);
  await download(stream, file.result as LargeFile);
  return stream;
}

async function download(stream: URL, { name, sizeBytes, sha256 }: LargeFile): Promise<void> {
  console.log(`\n  ${name}, ${size(sizeBytes)}:`);
  const progress = createProgress(sizeBytes);
  const hash = createHash("sha256");
  let bytes = 0;
  const startedAt = performance.now();
  const { body } = await fetch(stream);
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    bytes += chunk.length;
    progress(bytes);
  }
  assert.equal(hash.digest("hex"), sha256);
  console.log(`  ${Math.round(bytes / 1000 / (performance.now() - startedAt))} MB/s, sha256 ${sha256.slice(0, 16)}… is the provider's`);
}
