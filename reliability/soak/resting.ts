import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What a process holds when nothing is under way, in bytes. */
export interface Resting {
  /** As the kernel sees it. */
  readonly rssBytes: number;
  /** Objects and buffers, without what the allocators keep for later. */
  readonly liveBytes: number;
}

let collect: ((how: object) => void) | undefined;

/** Collects what this process doesn't need any more, and gives what is left. */
export async function restingBytes(): Promise<Resting> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as (how: object) => void;
  }
  for (let times = 0; times < 3; times += 1) {
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    await new Promise((resolve) => setImmediate(resolve)); // what was collected may let go of more, and pages go back
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rssBytes: rss, liveBytes: heapUsed + arrayBuffers };
}
