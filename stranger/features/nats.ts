import { createRegistry, openStream, serve, Tracker, admitTargets } from "acomm";
import { createNatsNetwork } from "acomm/nats";
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import type { Features } from "./feature.ts";

const { STRANGER_NATS: server } = process.env;

/** Over the server that is named by the environment; where there is none, none. */
export const nats: Features = server === undefined ? {} : {
  "calls and streams over NATS": async () => {
    const network = createNatsNetwork({ server });
    const registry = createRegistry([network.transport]);
    const tracker = new Tracker({ registry, listener: network.createListener(), streams: network });
    await tracker.start();
    const listener = network.createListener();
    await listener.start();
    const service = serve(listener, async ({ args }, { attachStream }) => {
      attachStream(await tracker.createStream(["a stream"]));
      return args;
    }, { registry, admit: admitTargets({ schemes: ["nats"] }) });
    const { result, streamUrl } = await tracker.call(listener.url, { task: "echo", args: "hello", timeoutMs: 5_000 });
    assert.equal(result, "hello");
    assert.equal(await text(await openStream(streamUrl ?? "", { registry })), "a stream");
    await tracker.stop();
    await service.stop();
    await network.close();
    await registry.close();
  },
};
