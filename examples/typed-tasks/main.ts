/** Tasks as values: handlers and options of their own, a client for the types that come of them, and their JSON Schemas. */
import { createClient, Provider } from "@acomm/provider";
import type { Client, ClientArguments, ClientTarget, JsonSchema, ProviderOptions, TaskContext, TaskHandler, TaskOptions, TaskSignature, TasksOf } from "@acomm/provider";
import { createRequest, unmarshalArgs } from "@acomm/protocol";
import type { Schema, SchemaOutcome } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import type { Caller } from "@acomm/tracker";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

interface Size { readonly width: number; readonly height: number }

// a schema is this one function; libraries such as zod have it
const positive: Schema<number> = {
  "~standard": {
    version: 1,
    vendor: "by hand",
    validate: (value): SchemaOutcome<number> => (typeof value === "number" && value > 0 ? { value } : { issues: [{ message: "must be above 0" }] }),
  },
};

// a handler by itself can be tested without a socket
const area: TaskHandler<Size, number> = ({ args }: TaskContext<Size>) => args.width * args.height;
const areaOptions: TaskOptions<Size, Size, number> = { args: z.object({ width: z.number(), height: z.number() }), result: z.number(), idempotent: true };

const directory = await mkdtemp(join(tmpdir(), "acomm-typed-"));
const options: ProviderOptions = { socketDir: directory, name: "shapes", priority: 10, onError: (error) => { console.error(error.code); } };
const provider = new Provider(options).task("area", areaOptions, area).task("twice", {}, async ({ tracker, args }) => {
  const once = await areaOf(tracker, args as Size);
  return 2 * once;
});
await provider.start();

/** Works with a tracker, and with what a handler gets. */
async function areaOf(caller: Caller, ...args: ClientArguments<Size>): Promise<number> {
  const target: ClientTarget = `unix://${provider.sockets["area"] ?? ""}`;
  const client: Client<{ readonly area: TaskSignature<Size, number> }> = createClient<Provider<{ readonly area: TaskSignature<Size, number> }>>(caller, target);
  return client.request("area", ...args);
}

// the names and types of the tasks are in the provider's type
type Tasks = TasksOf<typeof provider>;
const names: readonly (keyof Tasks)[] = ["area", "twice"];
const size: Tasks["area"]["args"] = { width: 3, height: 4 };

const tracker = new Tracker();
await tracker.start();
assert.equal(await areaOf(tracker, size), 12);
assert.equal(await areaOf(tracker, size, { timeoutMs: 500 }), 12);
assert.equal(await tracker.request(`unix://${provider.sockets["twice"] ?? ""}`, { task: "twice", args: size }), 24);
await assert.rejects(unmarshalArgs(createRequest({ task: "area", args: 0 }), positive), { message: "args: must be above 0" });
assert.deepEqual(Object.keys(provider.sockets), names);

const schema: JsonSchema | null | undefined = provider.describe().tasks[0]?.args;
assert.deepEqual(schema?.["required"], ["width", "height"]);

await tracker.stop();
await provider.stop();
await rm(directory, { recursive: true });
console.log("typed-tasks: an area of 12 by its own types, and twice that by a task that calls another");
