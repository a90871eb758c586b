import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Tracker } from "./tracker.ts";

async function startTracker(): Promise<Tracker> {
  const tracker = new Tracker();
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
  return tracker;
}

test("a tracker whose socket another one has says so", async () => {
  const tracker = await startTracker();
  const other = new Tracker({ socketPath: tracker.address });
  await expect(other.start()).rejects.toMatchObject({ code: "bad_address", message: expect.stringContaining(tracker.address) as string });
  expect(await other.stop()).toEqual({ cut: [], cutConnections: 0 });
});

test("stop removes the socket and the directory it made", async () => {
  const tracker = await startTracker();
  const directory = dirname(tracker.address);
  await tracker.createUnixStream(["never read"]);
  expect((await readdir(directory)).length).toBe(2);
  await tracker.stop({ graceMs: 0 });
  await expect(readdir(directory)).rejects.toMatchObject({ code: "ENOENT" });
});

test("`await using` stops it", async () => {
  let address: string;
  {
    await using tracker = new Tracker();
    await tracker.start();
    await tracker.start();
    address = tracker.address;
  }
  await expect(readdir(dirname(address))).rejects.toMatchObject({ code: "ENOENT" });
});
