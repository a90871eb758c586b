import { codeOf } from "@acomm/testing";
import { expect, test } from "vitest";
import { setUp } from "./fixtures/setup.ts";
import { until } from "./fixtures/until.ts";

test("a caller that goes away aborts its handlers, those in the queue included, and all places are free again", async () => {
  await using setup = await setUp();
  const other = await setUp();
  const provider = setup.provider().task("t", { concurrency: 2, maxQueued: 8 }, ({ signal }) => new Promise((_, reject) => { signal.addEventListener("abort", () => { reject(signal.reason as Error); }); }));
  await provider.start();
  const calls = Array.from({ length: 10 }, () => codeOf(other.tracker.request(setup.url("t"), { task: "t" })));
  await until(() => provider.describe().tasks[0]?.queued === 8);
  await other[Symbol.asyncDispose]();
  expect(await Promise.all(calls)).toEqual(Array(10).fill("stopping"));
  await until(() => provider.describe().tasks[0]?.running === 0 && provider.describe().tasks[0]?.queued === 0);
});
