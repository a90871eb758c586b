import { parseUrl } from "@acomm/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { connectRaw, startRawPeer } from "./fixtures/raw.ts";
import { runFixture } from "./fixtures/run-fixture.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { createStreamTransport } from "./stream-transport.ts";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";

let directory: TemporaryDirectory;
let transport: Transport;
beforeEach(async () => {
  directory = await temporaryDirectory();
  transport = createUnixTransport();
});
afterEach(async () => {
  await transport.close();
  await directory[Symbol.asyncDispose]();
});
const probe = (path: string): Promise<boolean> | undefined => transport.probe?.(parseUrl(`unix://${path}`));

test("says whether somebody listens, and sends nothing", async () => {
  const raw = await startRawPeer(directory.socket("a"));
  expect(await probe(directory.socket("a"))).toBe(true);
  await (await raw.connection(0)).ended;
  expect(raw.frames).toEqual([]);
  await raw.stop();
  expect(await probe(directory.socket("a"))).toBe(false);
  expect(await probe(directory.socket("nowhere"))).toBe(false);
});

test("counts a full backlog as somebody", async () => {
  await using busy = runFixture("full-backlog", directory.socket("a"));
  await busy.message();
  await busy.stopped();
  const clients = await Promise.all([0, 1].map(() => connectRaw(directory.socket("a"))));
  expect(await probe(directory.socket("a"))).toBe(true);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

test("fails where it can't find out", async () => {
  transport = createStreamTransport({ schemes: ["unix"], connectTimeoutMs: 20, connect: (_url, signal) => new Promise((_, reject) => { signal.addEventListener("abort", () => { reject(new Error("aborted")); }); }) });
  expect(await codeOf(probe(directory.socket("a"))!)).toBe("unavailable");
  transport = createStreamTransport({ schemes: ["unix"], connect: () => Promise.reject(Object.assign(new Error("no"), { code: "EACCES" })) });
  expect(await codeOf(probe(directory.socket("a"))!)).toBe("bad_address");
});
