export { createNatsNetwork } from "./network.ts";
export type { DurableOptions, NatsListenerOptions, NatsNetwork, NatsNetworkOptions } from "./network.ts";
