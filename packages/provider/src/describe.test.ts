import { type } from "arktype";
import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";
import { setUp } from "./fixtures/setup.ts";
import { createGate, until } from "./fixtures/until.ts";
import type { ProviderDescription } from "./provider-description.ts";

test("every task socket says what there is, how it is to be called, and how it goes", async () => {
  await using setup = await setUp();
  const gate = createGate();
  const provider = setup.provider("disks", { priority: 20 })
    .task("disk-info", { args: z.object({ all: z.boolean() }), result: z.array(z.string()), timeoutMs: 2000, concurrency: 1, maxQueued: 5, idempotent: true, description: "Lists the disks." }, async () => {
      await gate.opened;
      return [];
    })
    .task("size", { args: v.string(), result: type("number") }, () => { throw new Error("no"); })
    .task("wipe", { priority: 7 }, () => null);
  await provider.start();
  const url = (task: string): string => setup.url(task, "disks");
  const describe = (task: string): Promise<ProviderDescription> => setup.tracker.request(url(task), { task: "acomm.describe", args: { ignored: true } });
  const call = setup.tracker.request(url("disk-info"), { task: "disk-info", args: { all: true } });
  const second = setup.tracker.request(url("disk-info"), { task: "disk-info", args: { all: true } });
  await setup.tracker.request(url("size"), { task: "size", args: "s" }).catch(() => undefined);
  await until(() => provider.describe().tasks[0]?.queued === 1);

  const draft = "https://json-schema.org/draft/2020-12/schema";
  const idle = { running: 0, queued: 0, done: 0, failed: 0 };
  const plain = { description: "", timeoutMs: null, concurrency: 64, maxQueued: 1000, idempotent: false, args: null, result: null };
  const description = await describe("wipe");
  expect(description).toEqual({
    kind: "provider",
    name: "disks",
    pid: process.pid,
    startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    uptimeMs: expect.any(Number),
    health: "ok",
    tasks: [
      {
        task: "disk-info",
        description: "Lists the disks.",
        priority: 20,
        timeoutMs: 2000,
        concurrency: 1,
        maxQueued: 5,
        idempotent: true,
        args: { $schema: draft, type: "object", properties: { all: { type: "boolean" } }, required: ["all"] },
        result: { $schema: draft, type: "array", items: { type: "string" } },
        ...idle,
        running: 1,
        queued: 1,
      },
      { ...plain, ...idle, task: "size", priority: 20, result: { $schema: draft, type: "number" }, failed: 1 },
      { ...plain, ...idle, task: "wipe", priority: 7 },
    ],
  });
  for (const task of ["disk-info", "size"]) expect((await describe(task)).tasks).toEqual(description.tasks);
  expect(Math.abs(Date.now() - Date.parse(description.startedAt) - description.uptimeMs)).toBeLessThan(1000);
  gate.open();
  await Promise.all([call, second]);
  expect((await describe("disk-info")).tasks[0]).toMatchObject({ ...idle, done: 2 });
});

test("it is answered where every place is taken", async () => {
  await using setup = await setUp();
  const gate = createGate();
  const provider = setup.provider().task("t", { concurrency: 1, maxQueued: 0 }, () => gate.opened);
  await provider.start();
  const call = setup.tracker.request(setup.url("t"), { task: "t" });
  await until(() => provider.describe().tasks[0]?.running === 1);
  expect(await setup.tracker.request(setup.url("t"), { task: "acomm.describe" })).toMatchObject({ tasks: [{ running: 1 }] });
  gate.open();
  await call;
});
