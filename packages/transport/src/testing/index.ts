export { createMemoryNetwork } from "../memory/transport.ts";
export type { MemoryNetwork, MemoryNetworkOptions } from "../memory/transport.ts";
