import { parseUrl } from "@acomm/protocol";
import type { AcommUrl, Request } from "@acomm/protocol";
import { errorOf, temporaryDirectory } from "@acomm/testing";
import { createRegistry, createUnixTransport, serve, UnixListener } from "@acomm/transport";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { acknowledgements, answerText, startRawPeer } from "./fixtures/raw-peer.ts";
import { Tracker } from "./tracker.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const maxFrameBytes = 40_000;

describe("calls on a connection that is known to bring answers", () => {
  let seen: Request[];
  let tracker: Tracker;
  let url: AcommUrl;

  beforeEach(async () => {
    const directory = await temporaryDirectory();
    const listener = new UnixListener(directory.socket("echo"), { maxFrameBytes });
    await listener.start();
    seen = [];
    const service = serve(listener, (request) => {
      seen.push(request);
      return request.task === "never" ? new Promise(() => undefined) : request.args;
    });
    tracker = new Tracker({ registry: createRegistry([createUnixTransport({ maxFrameBytes })]) });
    await tracker.start();
    onTestFinished(async () => {
      await tracker.stop({ graceMs: 0 });
      await service.stop({ graceMs: 0 });
      await directory[Symbol.asyncDispose]();
    });
    url = listener.url;
    await tracker.request(url, { task: "first" });
    seen.length = 0;
  });

  test("have ids of their own, whatever is in the text before them", async () => {
    const args = Array.from({ length: 300 }, (_, index) => ["ü", "€", "a"][index % 3]?.repeat(index) ?? "");
    expect(await Promise.all(args.map((arg) => tracker.request(url, { task: "echo", args: arg })))).toEqual(args);
    expect(seen.map((request) => request.args)).toEqual(args);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(300);
    for (const { id } of seen) expect(id).toMatch(uuid);
  });

  test("are named by their ids in errors and reports", async () => {
    const late = await errorOf(tracker.request(url, { task: "never", timeoutMs: 50 }));
    expect(late).toMatchObject({ code: "timeout", message: expect.stringContaining(`request "${seen[0]?.id ?? ""}" (never)`) as string });
    const cut = errorOf(tracker.request(url, { task: "never" }));
    await expect.poll(() => seen.length).toBe(2);
    expect((await tracker.stop({ graceMs: 0 })).cut).toMatchObject([{ id: seen[1]?.id, task: "never" }]);
    expect(await cut).toMatchObject({ code: "stopping", message: expect.stringContaining(seen[1]?.id ?? "") as string });
  });

  test("with streams and a task URL say so", async () => {
    const [streamUrl, taskUrl] = [parseUrl("unix:///tmp/stream"), parseUrl("unix:///tmp/task")];
    expect(await tracker.request(url, { task: "echo", args: "ä", streamUrl, taskUrl })).toBe("ä");
    expect(seen[0]).toMatchObject({ task: "echo", args: "ä", responseHook: null, id: expect.stringMatching(uuid) as string });
    expect([seen[0]?.streamUrl?.href, seen[0]?.taskUrl?.href]).toEqual([streamUrl.href, taskUrl.href]);
  });

  test.each([["a", 1], ["ü", 2]])("may be as long as a frame may be, of the letter %s; one byte more is frame_too_large", async (letter, bytes) => {
    const frame = (length: number): Promise<unknown> => tracker.call(url, { task: "never", args: letter.repeat(length), timeoutMs: 5000 });
    const { message } = await errorOf(frame(maxFrameBytes));
    const overheadBytes = Number(/a frame has (\d+) bytes/.exec(message)?.[1]) - maxFrameBytes * bytes;
    const roomBytes = maxFrameBytes - overheadBytes;
    const most = Math.floor(roomBytes / bytes);
    expect(await errorOf(frame(most + 1))).toMatchObject({ code: "frame_too_large" });
    expect(seen).toEqual([]);
    const accepted = frame(most);
    accepted.catch(() => undefined); // its answer may not fit, and the tracker is stopped before
    await expect.poll(() => seen.map(({ args }) => (args as string).length)).toEqual([most]);
    expect(await tracker.request(url, { task: "echo", args: 1 })).toBe(1);
  });
});

test("an answer that comes before its acknowledgement, and an acknowledgement of what was given up, leave the next ones in order", async () => {
  await using directory = await temporaryDirectory();
  let unsaid = 0;
  await using peer = await startRawPeer(directory.socket("peer"), (request, say) => {
    if (request.task === "early") say(answerText(request.id, "early"));
    unsaid += 1;
    if (request.task !== "echo" && request.task !== "early") return; // given up, or the word of that
    for (; unsaid > 0; unsaid -= 1) say(acknowledgements.reply);
    if (request.task === "echo") say(answerText(request.id, request.args));
  });
  await using tracker = new Tracker();
  await tracker.start();
  const call = (task: string, args: unknown, signal?: AbortSignal): Promise<unknown> => tracker.request(peer.url, { task, args, signal });
  expect(await call("echo", 0)).toBe(0);
  expect(await Promise.all([call("early", 1), call("echo", 2)])).toEqual(["early", 2]);
  const giver = new AbortController();
  const givenUp = errorOf(call("given up", 3, giver.signal));
  giver.abort();
  expect(await givenUp).toMatchObject({ code: "cancelled" });
  expect(await call("echo", 4)).toBe(4);
  expect(await call("echo", 5)).toBe(5);
  expect(tracker.pendingCount).toBe(0);
});
