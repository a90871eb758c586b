import { Tracker } from "acomm";
import { startFaultProxy } from "acomm/testing";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createThumbnails } from "./thumbnails.ts";

const call = { task: "thumbnail", args: { image: "cat" }, timeoutMs: 5_000 };

// #region faults
await test("on a bad connection", async (t) => {
  const socketDir = await mkdtemp(join(tmpdir(), "test-"));
  await using service = createThumbnails({ socketDir });
  await service.start();
  await using proxy = await startFaultProxy(join(socketDir, "proxy", "thumbnail.sock"), { target: service.sockets["thumbnail"] ?? "" });
  await using tracker = new Tracker();
  await tracker.start();

  await t.test("one byte at a time changes nothing", async () => {
    proxy.plan = { toTarget: { pieceBytes: 1 }, toClient: { pieceBytes: 1 } };
    assert.equal(await tracker.request(proxy.url, call), "cat at 64");
  });
  proxy.cut(); // else the kept connection would go on as it began

  await t.test("a cut in the request: it did not run", async () => {
    proxy.plan = { toTarget: { cutAfterBytes: 20 } };
    await assert.rejects(tracker.request(proxy.url, call), { code: "unavailable", retryable: true });
    assert.equal(service.describe().tasks[0]?.done, 1);
  });

  await t.test("a cut in the answer: it may have run", async () => {
    proxy.plan = { toClient: { cutAfterBytes: 120 } };
    await assert.rejects(tracker.request(proxy.url, call), { code: "ambiguous" });
  });
  await rm(socketDir, { recursive: true });
});
// #endregion

// #region kill
await test("killed in the middle, and started again", async () => {
  const socketDir = await mkdtemp(join(tmpdir(), "test-"));
  const start = async () => {
    const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "slow-service.ts"), socketDir], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data"); // it says so when it is ready
    return child;
  };
  await using tracker = new Tracker();
  await tracker.start();
  const url = `unix://${socketDir}/thumbnail/50-thumbnails.sock`;

  const first = await start();
  const inDoubt = assert.rejects(tracker.request(url, { ...call, args: { image: "huge" } }), { code: "ambiguous" });
  while ((await tracker.request<{ tasks: { running: number }[] }>(url, { task: "acomm.describe" })).tasks[0]?.running !== 1);
  first.kill("SIGKILL");
  await inDoubt; // at once, not at its deadline
  await assert.rejects(tracker.request(url, call), { code: "unavailable" });

  const second = await start(); // takes the place of the socket that the first has left
  assert.equal(await tracker.request(url, call), "cat at 64");
  second.kill();
  await rm(socketDir, { recursive: true });
});
// #endregion
