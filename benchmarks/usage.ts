import { readFileSync } from "node:fs";

/** What a process has used of the machine since it began. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The largest resident set. */
  readonly peakMiB: number;
}

/** Of this process. */
export function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  // a process begins with the maxRSS of the one that started it; VmHWM is its own
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: (peakKibibytes() ?? maxRSS) / 1024 };
}

function peakKibibytes(): number | undefined {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined; // no /proc on this system
  }
}
