import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Collects what nobody holds any more, now and whole. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** What this process holds on V8's heap after a collection. */
export function heapMebibytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}
