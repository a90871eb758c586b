import { parseUrl } from "@acomm/protocol";
import { codeOf, thrownBy } from "@acomm/testing";
import { admitTargets, createMemoryNetwork, createRegistry, openStream, serve } from "@acomm/transport";
import type { ServedStream, StreamServer } from "@acomm/transport";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { Tracker } from "./tracker.ts";

describe("a tracker that is given a listener", () => {
  test("takes its responses there, starts it and stops it", async () => {
    const network = createMemoryNetwork();
    await using registry = createRegistry([{ ...network.transport, call: undefined } as unknown as typeof network.transport]); // so that answers must come to the hook
    const listener = network.createListener("answers");
    const tracker = new Tracker({ listener, registry });
    expect(await codeOf(tracker.request("memory://service", { task: "t" }))).toBe("unavailable");
    await tracker.start();
    onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
    expect(tracker.url.href).toBe("memory://answers");
    expect(thrownBy(() => tracker.address).code).toBe("unavailable");
    const served = network.createListener("service");
    await served.start();
    const service = serve(served, ({ args }) => args, { registry, admit: admitTargets({ schemes: ["memory"] }) });
    expect(await tracker.request("memory://service", { task: "t", args: 7 })).toBe(7);
    await service.stop();
    await tracker.stop();
    expect(await codeOf(listener.start())).toBe("stopping");
  });

  test("and a socket path has two places, which is none", () => {
    expect(thrownBy(() => new Tracker({ socketPath: "/run/x.sock", listener: createMemoryNetwork().createListener("a") })).code).toBe("bad_field");
  });
});

describe("createStream", () => {
  test("serves at a unix socket unless the tracker is given something else", async () => {
    await using tracker = new Tracker();
    await tracker.start();
    const url = await tracker.createStream(["some bytes"]);
    expect(url.protocol).toBe("unix:");
    expect(await text(await openStream(url))).toBe("some bytes");
  });

  test("asks the stream server that it is given, and waits for it or cuts it when it stops", async () => {
    const served: unknown[] = [];
    const { promise, reject } = Promise.withResolvers<undefined>();
    const streams: StreamServer = {
      async serveStream(source, options): Promise<ServedStream> {
        served.push(source, options);
        return { url: parseUrl("test://stream"), done: promise as Promise<unknown> as Promise<void>, cancel: () => { reject(new Error("cut")); } };
      },
    };
    const tracker = new Tracker({ streams });
    expect(await codeOf(tracker.createStream(["x"]))).toBe("unavailable");
    await tracker.start();
    expect((await tracker.createStream(["x"], { openTimeoutMs: 5 })).href).toBe("test://stream");
    expect(served).toEqual([["x"], { openTimeoutMs: 5 }]);
    await tracker.stop({ graceMs: 10 });
    await expect(promise).rejects.toThrow("cut");
    expect(await codeOf(tracker.createStream(["x"]))).toBe("stopping");
  });
});
