import { open } from "node:fs/promises";
import { expect, test } from "vitest";
import { holdingsOf, watchLoop } from "./probe.ts";

test("descriptors that are opened count until they are closed", async () => {
  const before = await holdingsOf(process.pid);
  const files = await Promise.all(Array.from({ length: 100 }, () => open(import.meta.filename)));
  const during = await holdingsOf(process.pid);
  await Promise.all(files.map((file) => file.close()));
  const after = await holdingsOf(process.pid);
  // the runner of the tests opens and closes a few of its own
  expect(during.descriptors - before.descriptors).toBeGreaterThan(90);
  expect(during.descriptors - after.descriptors).toBeGreaterThan(90);
});

test("memory that is touched, and processor time that is spent, show", async () => {
  const before = await holdingsOf(process.pid);
  const touched = Buffer.alloc(64 * 1024 * 1024, 1);
  const until = performance.now() + 50;
  while (performance.now() < until) touched[0] = (touched[0] ?? 0) + 1;
  const after = await holdingsOf(process.pid);
  expect(after.rssBytes - before.rssBytes).toBeGreaterThan(32 * 1024 * 1024);
  expect(after.cpuSeconds).toBeGreaterThan(before.cpuSeconds);
});

test("a loop that is held up shows, once, and so does a timer", () => {
  const read = watchLoop();
  const timer = setTimeout(() => undefined, 60_000);
  const until = performance.now() + 100;
  while (performance.now() < until);
  const { maxDelayMs, maxBusyMs, handles } = read();
  clearTimeout(timer);
  expect(maxDelayMs).toBeGreaterThan(80);
  expect(maxBusyMs).toBeGreaterThan(10); // others may have had the processor
  expect(handles["Timeout"]).toBeGreaterThanOrEqual(1);
  expect(read().maxDelayMs).toBeLessThan(80);
});

test("a loop that only waits is late, and not busy", () => {
  const read = watchLoop();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  const { maxDelayMs, maxBusyMs } = read();
  expect(maxDelayMs).toBeGreaterThan(120);
  expect(maxBusyMs).toBeLessThan(maxDelayMs / 2);
});
