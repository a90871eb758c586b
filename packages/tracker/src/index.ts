export type { LazyStreamSource } from "@acomm/transport";
export { taskAddress } from "./network-layout.ts";
export { checkPriority, checkServiceName, checkSocketDirectory, checkTaskName, coordinatorSocketPath, parseProviderSocket, providerSocketPath, responseSocketPath, streamDirectory } from "./socket-layout.ts";
export type { ProviderSocket } from "./socket-layout.ts";
export { Tracker } from "./tracker.ts";
export type { Caller } from "./tracker.ts";
export type { CallLimits, CallOptions, ForwardOptions, TrackerOptions } from "./tracker-options.ts";
