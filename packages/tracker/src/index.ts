export type { LazyStreamSource } from "./ad-hoc-streams.ts";
export { Tracker } from "./tracker.ts";
export type { CallOptions, TrackerOptions } from "./tracker-options.ts";
