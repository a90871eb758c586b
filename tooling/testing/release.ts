export { startRelease } from "./loopback-release.ts";
export type { LoopbackRelease } from "./loopback-release.ts";
