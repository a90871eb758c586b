import { createRequest } from "@acomm/protocol";
import type { AcommError } from "@acomm/protocol";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { openStream, send } from "@acomm/transport";
import type { FoundService, ServiceNetwork } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { createClient } from "./client.ts";
import { setUp } from "./fixtures/setup.ts";
import { createGate, until } from "./fixtures/until.ts";
import { Provider } from "./provider.ts";

test("a provider needs a directory, a network, or both", () => {
  expect(thrownBy(() => new Provider({ name: "p" }))).toMatchObject({ code: "bad_field", message: expect.stringContaining("socketDir or network") as string });
});

// what a network has beyond a directory; where the tests run over unix sockets there is none
if (await isThereNetwork()) {
  describe("a provider on a network", () => {
    test("is announced with what a coordinator needs, and each of a name by itself", async () => {
      await using setup = await setUp();
      const network = await networkOf();
      const first = setup.provider("disks", { priority: 7 }).task("info", { idempotent: true, timeoutMs: 500, description: "Lists the disks." }, () => "first").task("wipe", {}, () => null);
      const second = setup.provider("disks").task("info", {}, () => "second");
      await Promise.all([first.start(), second.start()]);
      const found = (await network.discover()).toSorted((one, other) => one.endpoints.length - other.endpoints.length);
      expect(found.map(({ name, metadata }) => [name, metadata])).toEqual(Array(2).fill(["disks", { kind: "provider", host: hostname(), pid: String(process.pid), startedAt: expect.any(String) }]));
      expect(found.map(({ endpoints }) => endpoints.map(({ name, metadata }) => [name, metadata]))).toEqual([
        [["info", { priority: "50", idempotent: "false" }]],
        [["info", { priority: "7", idempotent: "true", timeoutMs: "500", description: "Lists the disks." }], ["wipe", { priority: "7", idempotent: "false" }]],
      ]);
      const own = (service: FoundService | undefined): string => service?.endpoints[0]?.url.href ?? "";
      expect(await setup.tracker.request(own(found[0]), { task: "info" })).toBe("second");
      expect(await setup.tracker.request(own(found[1]), { task: "info" })).toBe("first");
      expect(await setup.tracker.request(own(found[1]), { task: "acomm.describe" })).toMatchObject({ name: "disks", tasks: [{ priority: 7 }, {}] });
    });

    test("shares a task with the others, and a client finds it by its name", async () => {
      await using setup = await setUp();
      const [first, second] = ["a", "b"].map((name) => setup.provider(name).task("who", {}, () => name));
      await Promise.all([first?.start(), second?.start()]);
      const client = createClient<NonNullable<typeof first>>(setup.tracker, { network: await networkOf() });
      const answers = await Promise.all(Array.from({ length: 200 }, () => client.request("who")));
      expect(new Set(answers)).toEqual(new Set(["a", "b"]));
    });

    test("is found no more as soon as it stops, though it still answers", async () => {
      await using setup = await setUp();
      const network = await networkOf();
      const gate = createGate();
      const provider = setup.provider().task("t", {}, async () => {
        await gate.opened;
        return "done";
      });
      await provider.start();
      const call = setup.tracker.request(setup.url("t"), { task: "t" });
      await until(() => provider.describe().tasks[0]?.running === 1);
      const stopping = provider.stop();
      while ((await network.discover()).length > 0);
      gate.open();
      expect(await call).toBe("done");
      expect(await stopping).toEqual({ cut: [], cutConnections: 0 });
      expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toBe("unavailable");
    });

    test("and in a directory has one queue, and serves streams where they are asked for", async () => {
      await using setup = await setUp();
      await using directory = await temporaryDirectory();
      await using local = new Tracker();
      await local.start();
      const gate = createGate();
      const provider = setup.provider("p", { socketDir: directory.path })
        .task("t", { concurrency: 1, maxQueued: 0 }, () => gate.opened)
        .task("stream", {}, async ({ stream }) => { await stream(["read"]); });
      await provider.start();
      const socket = `unix://${provider.sockets["t"]!}`;
      const call = local.request(socket, { task: "t" });
      await until(() => provider.describe().tasks[0]?.running === 1);
      expect(await codeOf(setup.tracker.request((await networkOf()).urlOf("acomm.tasks.t"), { task: "t" }))).toBe("overloaded");
      gate.open();
      await call;
      const near = await local.call(`unix://${provider.sockets["stream"]!}`, { task: "stream" });
      expect(near.streamUrl?.protocol).toBe("unix:");
      expect(await text(await openStream(near.streamUrl!))).toBe("read");
      const far = await setup.tracker.call((await networkOf()).urlOf("acomm.tasks.stream"), { task: "stream" });
      expect(far.streamUrl?.protocol).not.toBe("unix:");
      expect(await text(await openStream(far.streamUrl!, setup.network))).toBe("read");
    });

    test("answers no socket of its machine that a caller on the network names", async () => {
      await using setup = await setUp();
      const failure = Promise.withResolvers<AcommError>();
      await setup.provider("p", { onError: failure.resolve }).task("t", {}, () => null).start();
      await using somebody = new Tracker(); // it would take the answer
      await somebody.start();
      await send(setup.url("t"), createRequest({ task: "t", responseHook: somebody.url }), setup.network);
      expect(await failure.promise).toMatchObject({ code: "forbidden_target" });
      expect(somebody.refusedCount).toBe(0);
    });
  });
}

async function isThereNetwork(): Promise<boolean> {
  await using test = await openTestNetwork().catch(() => undefined);
  return test?.openServiceNetwork !== undefined;
}

async function networkOf(): Promise<ServiceNetwork> {
  const test = await openTestNetwork();
  onTestFinished(() => test[Symbol.asyncDispose]());
  if (test.openServiceNetwork === undefined) throw new Error("there is no network");
  return test.openServiceNetwork();
}
