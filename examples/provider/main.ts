/** A provider of typed tasks and its client: results, a stream, progress, errors, and what the provider says of itself. */
import { createClient, openStream, Provider, Tracker } from "acomm";
import type { ProviderDescription } from "acomm";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-provider-"));

const provider = new Provider({ socketDir, name: "words" }).task(
  "count",
  {
    description: "Counts the words of some texts, and streams them one a line.",
    args: z.object({ texts: z.array(z.string()), least: z.number().default(1) }),
    result: z.object({ words: z.number() }),
    timeoutMs: 5_000,
  },
  async ({ args, progress, stream, signal }) => {
    const words: string[] = [];
    for (const [index, one] of args.texts.entries()) {
      signal.throwIfAborted();
      words.push(...one.split(" ").filter((word) => word.length >= args.least));
      progress({ done: index + 1 });
    }
    await stream(words.map((word) => `${word}\n`));
    return { words: words.length };
  },
);
await provider.start();

const tracker = new Tracker();
await tracker.start();
const url = `unix://${socketDir}/count/50-words.sock`;
const client = createClient<typeof provider>(tracker, url);

const heard: unknown[] = [];
const { result, streamUrl } = await client.call("count", { texts: ["one two", "three"] }, { onProgress: (value) => heard.push(value) });
assert.equal(result?.words, 3);
assert.deepEqual(heard, [{ done: 1 }, { done: 2 }]);
assert.ok(streamUrl);
assert.equal(await text(await openStream(streamUrl)), "one\ntwo\nthree\n");

// what the compiler would have found is found by the schema
await assert.rejects(tracker.request(url, { task: "count", args: { texts: ["one", 2] } }), { code: "bad_field", message: /^args\.texts\.1: / });

const description = await tracker.request<ProviderDescription>(url, { task: "acomm.describe" });
assert.equal(description.tasks[0]?.failed, 1);
assert.deepEqual(description.tasks[0].args?.["required"], ["texts"]);

await tracker.stop();
await provider.stop();
await rm(socketDir, { recursive: true });
console.log("provider: counted", result.words, "words, streamed them, and refused what is no text");
