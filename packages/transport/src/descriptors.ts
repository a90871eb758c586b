import { readFileSync } from "node:fs";

/** The default of `maxConnections`: 1024, and no more than a quarter of the file descriptors that this process may have. */
export function defaultMaxConnections(): number {
  descriptorLimit ??= readDescriptorLimit();
  return Math.max(Math.min(1024, Math.floor(descriptorLimit / 4)), 1);
}

let descriptorLimit: number | undefined;

/** Linux tells it in a file; elsewhere it isn't known without a native module. */
function readDescriptorLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
