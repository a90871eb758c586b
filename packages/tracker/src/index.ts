export { Tracker } from "./tracker.ts";
export type { CallOptions, TrackerOptions } from "./tracker.ts";
