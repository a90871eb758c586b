export { createMemoryNetwork } from "@acomm/transport";
export type { MemoryNetwork, MemoryNetworkOptions } from "@acomm/transport";
export { FaultProxy, startFaultProxy } from "./fault-proxy.ts";
export type { ConnectionFaults, DirectionFaults, FaultPlan, FaultProxyOptions, ProxiedConnection } from "./fault-proxy.ts";
export { openTestNetwork, useTestNetwork } from "./test-network.ts";
export type { TestNetwork, TestNetworkOptions } from "./test-network.ts";
export { transportCompliance } from "./compliance/compliance.ts";
export type { ComplianceCapability, ComplianceCase, ComplianceNetwork, ComplianceStream, ComplianceSubject } from "./compliance/compliance.ts";
