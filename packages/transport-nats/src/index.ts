export { createNatsNetwork } from "./network.ts";
export type { NatsListenerOptions, NatsNetwork, NatsNetworkOptions } from "./network.ts";
