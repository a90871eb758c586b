export type { LazyStreamSource } from "./ad-hoc-streams.ts";
export { checkPriority, checkServiceName, checkSocketDirectory, checkTaskName, coordinatorSocketPath, parseProviderSocket, providerSocketPath, responseSocketPath, streamDirectory } from "./socket-layout.ts";
export type { ProviderSocket } from "./socket-layout.ts";
export { Tracker } from "./tracker.ts";
export type { CallOptions, TrackerOptions } from "./tracker-options.ts";
