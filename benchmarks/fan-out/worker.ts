/** One side of the fan-out: the process of the services, or the one that calls them all. */
import { MultiRequest } from "@acomm/multirequest";
import { Tracker } from "@acomm/tracker";
import * as acomm from "../calls/contestants/acomm.ts";
import * as bareNet from "../calls/contestants/bare-net.ts";
import { payloadOf } from "../payload.ts";
import { answer } from "../process/answer.ts";

export type FanOutCaller = "MultiRequest" | "Promise.all of tracker.request" | "bare net";

interface Setting {
  readonly caller: FanOutCaller;
  readonly socketPaths: readonly string[];
}

const args = payloadOf(200);
let callAll: (requests: number) => Promise<unknown>;

answer({
  async serve({ caller, socketPaths }: Setting) {
    const { serve } = caller === "bare net" ? bareNet : acomm;
    await Promise.all(socketPaths.map((path) => serve(path)));
  },
  async connect(setting: Setting) {
    callAll = setting.caller === "bare net" ? await bareCaller(setting) : await acommCaller(setting);
  },
  async callAll({ requests }: { readonly requests: number }) {
    const startedAt = performance.now();
    await callAll(requests);
    return { ms: performance.now() - startedAt };
  },
});

async function acommCaller({ caller, socketPaths }: Setting): Promise<typeof callAll> {
  const tracker = new Tracker();
  await tracker.start();
  const urls = socketPaths.map((path) => `unix://${path}`);
  if (caller !== "MultiRequest") return (requests) => Promise.all(Array.from({ length: requests }, (_, index) => tracker.request(pick(urls, index), { task: "echo", args })));
  return async (requests) => {
    const many = new MultiRequest(tracker);
    for (let index = 0; index < requests; index += 1) many.request(String(index), pick(urls, index), { task: "echo", args });
    for (const [name, { error }] of await many.responses()) if (error !== "") throw new Error(`${name}: ${error}`);
  };
}

async function bareCaller({ socketPaths }: Setting): Promise<typeof callAll> {
  const callers = await Promise.all(socketPaths.map((path) => bareNet.connect(path)));
  return (requests) => Promise.all(Array.from({ length: requests }, (_, index) => pick(callers, index).call(args)));
}

function pick<Item>(items: readonly Item[], index: number): Item {
  return items[index % items.length] as Item;
}
