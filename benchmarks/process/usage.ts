import { readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";

/** What a process has used of the machine since it began. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The largest resident set. */
  readonly peakMiB: number;
  /** What V8 has given to objects since the process began; undefined where it doesn't tell, as before Node 26. */
  readonly allocatedBytes?: number | undefined;
}

/** Of this process. */
export function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  // a process begins with the maxRSS of the one that started it; VmHWM is its own
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: (kibibytes("self") ?? maxRSS) / 1024, allocatedBytes: (getHeapStatistics() as { readonly total_allocated_bytes?: number }).total_allocated_bytes };
}

/** What was allocated meanwhile, where V8 tells. */
export function bytesBetween(before: Usage, after: Usage): number | undefined {
  return after.allocatedBytes === undefined || before.allocatedBytes === undefined ? undefined : after.allocatedBytes - before.allocatedBytes;
}

/** Of another process, where /proc tells it: elsewhere nothing. */
export function usageOf(pid: number): Usage {
  // the fields after the name, which may contain anything: user and system time are the 12th and 13th, in ticks of 10 ms
  const fields = read(pid, "stat")?.split(") ").at(-1)?.split(" ") ?? [];
  return { cpuSeconds: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100, peakMiB: (kibibytes(pid) ?? 0) / 1024 };
}

function kibibytes(pid: number | "self"): number | undefined {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(read(pid, "status") ?? "");
  return found === null ? undefined : Number(found[1]);
}

function read(pid: number | "self", name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined; // no /proc on this system
  }
}
