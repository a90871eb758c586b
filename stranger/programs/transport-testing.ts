/** Prints `the memory transport complies`. */
import { createMemoryNetwork, transportCompliance } from "@acomm/transport-testing";

const cases = transportCompliance({
  capabilities: ["order", "answers", "probe"],
  open(limits) {
    const network = createMemoryNetwork(limits);
    return Promise.resolve({ transport: network.transport, createListener: () => network.createListener(crypto.randomUUID()), [Symbol.asyncDispose]: () => network.transport.close() });
  },
});
await Promise.all(cases.map(({ run }) => run()));
console.log("the memory transport complies");
