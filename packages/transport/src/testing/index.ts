export { createMemoryNetwork } from "../memory/transport.ts";
export type { MemoryNetwork, MemoryNetworkOptions } from "../memory/transport.ts";
export { FaultProxy, startFaultProxy } from "./fault-proxy.ts";
export type { ConnectionFaults, DirectionFaults, FaultPlan, FaultProxyOptions, ProxiedConnection } from "./fault-proxy.ts";
