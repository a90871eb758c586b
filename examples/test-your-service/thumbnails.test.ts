// #region setup
import { createClient, Tracker } from "acomm";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createThumbnails } from "./thumbnails.ts";

/** A service in a directory of its own and a client of it, both gone when the test has finished. */
async function start(options: Omit<Parameters<typeof createThumbnails>[0], "socketDir"> = {}) {
  const socketDir = await mkdtemp(join(tmpdir(), "test-")); // keep it short: the path of a socket has 107 bytes at most
  const service = createThumbnails({ socketDir, ...options });
  await service.start();
  const tracker = new Tracker();
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
    await service.stop({ graceMs: 0 });
    await rm(socketDir, { recursive: true });
  });
  return { service, client: createClient<typeof service>(tracker, `unix://${service.sockets["thumbnail"] ?? ""}`) };
}
// #endregion

// #region answers
test("gives a thumbnail, 64 wide unless it is told", async () => {
  const { client } = await start();
  expect(await client.request("thumbnail", { image: "cat" })).toBe("cat at 64");
});

test("refuses a width over 512 before it does anything", async () => {
  const { client } = await start({ render: () => expect.unreachable() });
  await expect(client.request("thumbnail", { image: "cat", width: 1000 })).rejects.toMatchObject({ code: "bad_field", details: [{ path: ["width"] }] });
});
// #endregion

// #region ends
/** Work that never ends by itself, and says when it has begun and when it was told to end. */
function endless() {
  const begun = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  const render = (_image: string, _width: number, signal: AbortSignal): Promise<string> => {
    begun.resolve(undefined);
    signal.addEventListener("abort", () => { ended.resolve(undefined); });
    return new Promise((_resolve, reject) => { signal.addEventListener("abort", () => { reject(signal.reason as Error); }); });
  };
  return { render, begun: begun.promise, ended: ended.promise };
}

test("a caller in a hurry gets a timeout, and the work ends", async () => {
  const { render, ended } = endless();
  const { client } = await start({ render });
  await expect(client.request("thumbnail", { image: "cat" }, { timeoutMs: 250 })).rejects.toMatchObject({ code: "timeout" });
  await ended;
});

test("a caller that gives up ends the work", async () => {
  const { render, begun, ended } = endless();
  const { client } = await start({ render });
  const giveUp = new AbortController();
  const call = client.request("thumbnail", { image: "cat" }, { signal: giveUp.signal });
  void begun.then(() => { giveUp.abort(); });
  await expect(call).rejects.toMatchObject({ code: "cancelled" });
  await ended;
});
// #endregion
