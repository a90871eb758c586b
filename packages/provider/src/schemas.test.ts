import { errorOf } from "@acomm/testing";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createClient } from "./client.ts";
import { setUp } from "./fixtures/setup.ts";
import type { Provider } from "./provider.ts";
import type { TaskSignature } from "./task-signature.ts";

/** A provider with a task, and how often its handler has run. */
type Counted = (provider: Provider, onRun: () => void) => Provider<{ readonly total: TaskSignature<{ disks: { bytes: number }[]; unit?: string }, { total: number; unit: string }> }>;

/** The same task, by three validators. Its handler gives too much for 3 and a wrong type for 4. */
const sum = ({ args: { disks, unit }, onRun }: { readonly args: { disks: { bytes: number }[]; unit: string }; readonly onRun: () => void }): { total: number; unit: string } => {
  onRun();
  const total = disks.reduce((bytes, disk) => bytes + disk.bytes, 0);
  return { total: total === 4 ? ("four" as unknown as number) : total, unit };
};

const validators: Record<string, Counted> = {
  zod: (provider, onRun) => {
    const args = z.object({ disks: z.array(z.object({ bytes: z.number() })), unit: z.string().default("B") });
    return provider.task("total", { args, result: z.object({ total: z.number(), unit: z.string() }) }, (context) => sum({ args: context.args, onRun })) as never;
  },
  valibot: (provider, onRun) => {
    const args = v.object({ disks: v.array(v.object({ bytes: v.number() })), unit: v.optional(v.string(), "B") });
    return provider.task("total", { args, result: v.object({ total: v.number(), unit: v.string() }) }, (context) => sum({ args: context.args, onRun })) as never;
  },
  arktype: (provider, onRun) => {
    const args = type({ disks: type({ bytes: "number" }).array(), unit: "string = 'B'" });
    return provider.task("total", { args, result: type({ total: "number", unit: "string" }) }, (context) => sum({ args: context.args, onRun }));
  },
};

describe.each(Object.entries(validators))("with %s", (_, make) => {
  test("the handler gets what the schema makes of the arguments, the caller what it makes of the result", async () => {
    await using setup = await setUp();
    const provider = make(setup.provider(), () => undefined);
    await provider.start();
    const client = createClient<typeof provider>(setup.tracker, setup.url("total"));
    expect(await client.request("total", { disks: [{ bytes: 1 }, { bytes: 2 }] })).toEqual({ total: 3, unit: "B" });
    expect(await client.request("total", { disks: [], unit: "KiB" })).toEqual({ total: 0, unit: "KiB" });
  });

  test("arguments that don't fit are bad_field with the path of the value, refused before the handler runs", async () => {
    await using setup = await setUp();
    let runs = 0;
    await make(setup.provider(), () => { runs += 1; }).start();
    const error = await errorOf(setup.tracker.request(setup.url("total"), { task: "total", args: { disks: [{ bytes: 1 }, { bytes: "many" }] } }));
    expect(error).toMatchObject({ code: "bad_field", message: expect.stringMatching(/^args\.disks\.1\.bytes: /), details: [{ path: ["disks", 1, "bytes"], message: expect.any(String) }] });
    for (const args of [null, undefined, 5, [], { disks: {} }]) expect((await errorOf(setup.tracker.request(setup.url("total"), { task: "total", args }))).code).toBe("bad_field");
    expect(runs).toBe(0);
  });

  test("a result that doesn't fit is remote, with the path of the value", async () => {
    await using setup = await setUp();
    await make(setup.provider(), () => undefined).start();
    const error = await errorOf(setup.tracker.request(setup.url("total"), { task: "total", args: { disks: [{ bytes: 4 }] } }));
    expect(error).toMatchObject({ code: "remote", message: expect.stringMatching(/^the handler's result does not fit: result\.total: /) });
  });
});

test("schemas may take their time, and their failures are the response's", async () => {
  await using setup = await setUp();
  await setup.provider()
    .task("known", { args: z.string().refine(async (name) => name === "Ada", "nobody of that name") }, ({ args }) => `hello ${args}`)
    .task("broken", { args: { "~standard": { version: 1, vendor: "ours", validate: () => { throw new Error("the schema broke"); } } } }, () => null)
    .start();
  expect(await setup.tracker.request(setup.url("known"), { task: "known", args: "Ada" })).toBe("hello Ada");
  expect(await errorOf(setup.tracker.request(setup.url("known"), { task: "known", args: "Bob" }))).toMatchObject({ code: "bad_field", message: "args: nobody of that name" });
  expect(await errorOf(setup.tracker.request(setup.url("broken"), { task: "broken" }))).toMatchObject({ code: "remote", message: "the schema broke" });
});

test("arguments that may be left out may be left out: null on the wire is undefined to a schema that knows no null", async () => {
  await using setup = await setUp();
  const provider = setup.provider()
    .task("optional", { args: z.object({ n: z.number() }).optional() }, ({ args }) => args?.n ?? "none")
    .task("default", { args: v.optional(v.object({ n: v.number() }), { n: 7 }) }, ({ args }) => args.n)
    .task("nullable", { args: z.string().nullable().optional() }, ({ args }) => (args === null ? "null" : "undefined"));
  await provider.start();
  const call = (task: string): Promise<unknown> => setup.tracker.request(setup.url(task), { task });
  expect(await Promise.all([call("optional"), call("default"), call("nullable")])).toEqual(["none", 7, "null"]);
  const client = createClient<typeof provider>(setup.tracker, setup.url("optional"));
  expect(await client.request("optional")).toBe("none");
  expect(await client.request("optional", { n: 1 })).toBe(1);
});
