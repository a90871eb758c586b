import { openStream } from "@acomm/transport";
import { codeOf, errorOf } from "@acomm/testing";
import { readdir } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { setUp } from "./fixtures/setup.ts";
import { aborted, createGate, until } from "./fixtures/until.ts";

describe("a handler's stream", () => {
  test("comes with the response, alone or beside a result, at a socket of this provider", async () => {
    await using setup = await setUp();
    await setup.provider("disks")
      .task("both", {}, async ({ stream }) => {
        const url = await stream(["a", "b"]);
        return url.pathname;
      })
      .task("alone", {}, async ({ stream }) => { await stream(() => ["c"]); })
      .task("unawaited", {}, ({ stream }) => { void stream(Readable.from(["d"])); })
      .start();
    const both = await setup.tracker.call<string>(setup.url("both", "disks"), { task: "both" });
    expect(both.result).toBe(both.streamUrl?.pathname);
    if (!setup.isNetwork) expect(both.result).toMatch(new RegExp(`^${setup.directory.path}/streams/disks/[\\w-]+\\.sock$`));
    expect(await text(await openStream(both.streamUrl!, setup.network))).toBe("ab");
    for (const [task, expected] of [["alone", "c"], ["unawaited", "d"]] as const) {
      const { result, streamUrl } = await setup.tracker.call(setup.url(task, "disks"), { task });
      expect(result).toBeNull();
      expect(await text(await openStream(streamUrl!, setup.network))).toBe(expected);
    }
  });

  test("that fails in its source is cut at the reader and reported, and hurts nobody (F41)", async () => {
    await using setup = await setUp();
    const errors: string[] = [];
    await setup.provider("p", { onError: ({ code }) => errors.push(code) })
      .task("throws", {}, async ({ stream }) => { await stream(() => { throw new Error("no source"); }); })
      .task("breaks", {}, async ({ stream }) => {
        await stream((function* () {
          yield "half";
          throw new Error("broke");
        })());
      })
      .start();
    for (const task of ["throws", "breaks"]) {
      const { streamUrl } = await setup.tracker.call(setup.url(task), { task });
      expect(await codeOf(openStream(streamUrl!, setup.network).then(text))).toBe("truncated_stream");
    }
    await until(() => errors.length === 2);
    expect(errors).toEqual(["truncated_stream", "truncated_stream"]);
  });

  test("of a request that fails is taken back", async () => {
    await using setup = await setUp();
    const urls: URL[] = [];
    const source = new Readable({ read() {} });
    await setup.provider()
      .task("t", {}, async ({ stream }) => {
        urls.push(await stream(source));
        throw new Error("after all");
      })
      .start();
    expect(await errorOf(setup.tracker.call(setup.url("t"), { task: "t" }))).toMatchObject({ message: "after all" });
    await until(() => source.destroyed);
    expect(await codeOf(openStream(urls[0]!, setup.network))).toBe("unavailable");
    if (!setup.isNetwork) expect(await readdir(`${setup.directory.path}/streams/p`)).toEqual([]);
  });

  test("is one: a second one is bad_field, and its source is ended", async () => {
    await using setup = await setUp();
    const second = new Readable({ read() {} });
    await setup.provider().task("t", {}, async ({ stream }) => {
      await stream(["first"]);
      await stream(second);
    }).start();
    expect(await errorOf(setup.tracker.call(setup.url("t"), { task: "t" }))).toMatchObject({ code: "bad_field", message: "t: a response has one stream, and it has it already" });
    expect(second.destroyed).toBe(true);
  });

  test("that comes after the answer is cancelled, and its source is ended", async () => {
    await using setup = await setUp();
    const source = new Readable({ read() {} });
    const tooLate = Promise.withResolvers<string>();
    await setup.provider().task("t", { timeoutMs: 20 }, async ({ signal, stream }) => {
      await aborted(signal);
      tooLate.resolve(await codeOf(stream(source)));
    }).start();
    expect(await codeOf(setup.tracker.call(setup.url("t"), { task: "t" }))).toBe("timeout");
    expect(await tooLate.promise).toBe("cancelled");
    expect(source.destroyed).toBe(true);
  });

  test("of a handler that a stop has cut is not served any more", async () => {
    await using setup = await setUp();
    const tooLate = Promise.withResolvers<string>();
    const gate = createGate();
    const provider = setup.provider().task("t", {}, async ({ stream }) => {
      await gate.opened;
      tooLate.resolve(await codeOf(stream(["late"])));
    });
    await provider.start();
    const call = codeOf(setup.tracker.call(setup.url("t"), { task: "t" }));
    await until(() => provider.describe().tasks[0]?.running === 1);
    expect((await provider.stop({ graceMs: 0 })).cut).toHaveLength(1);
    expect(await call).toBe("ambiguous");
    gate.open();
    expect(await tooLate.promise).toBe("stopping");
  });

  test("is waited for by a stop; one that is not read in time is cut and named", async () => {
    await using setup = await setUp();
    const gate = createGate();
    const provider = setup.provider().task("t", {}, async ({ args, stream }) => {
      await stream((async function* () {
        yield String(args);
        await gate.opened;
      })());
    });
    await provider.start();
    const slow = await setup.tracker.call(setup.url("t"), { task: "t", args: "slow" });
    const reader = openStream(slow.streamUrl!, setup.network).then(text);
    const stopping = provider.stop({ graceMs: 5000 });
    gate.open();
    expect(await reader).toBe("slow");
    expect(await stopping).toEqual({ cut: [], cutConnections: 0 });

    const again = setup.provider("again").task("t", {}, async ({ stream }) => { await stream(new Readable({ read() {} })); });
    await again.start();
    const { streamUrl } = await setup.tracker.call(setup.url("t", "again"), { task: "t" });
    const cut = codeOf(openStream(streamUrl!, setup.network).then(text));
    expect((await again.stop({ graceMs: 50 })).cut).toEqual([{ id: expect.any(String), task: "t", ageMs: expect.any(Number) }]);
    expect(await cut).toMatch(/truncated_stream|unavailable/);
    if (!setup.isNetwork) expect(await readdir(`${setup.directory.path}/streams`)).toEqual([]);
  });
});
