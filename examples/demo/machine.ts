/** What the demo's service knows: this very machine, read from /proc; elsewhere than on Linux from node:os. */
import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";
import { kibibytes, readText } from "./proc.ts";

export interface Cpu {
  readonly model: string;
  readonly cores: number;
  readonly load: readonly number[];
}

export interface Memory {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

export async function readCpu(): Promise<Cpu> {
  const info = await readText("/proc/cpuinfo");
  const load = await readText("/proc/loadavg");
  return {
    model: /^model name\s*: (.+)$/m.exec(info)?.[1] ?? cpus()[0]?.model ?? "unknown",
    cores: info.match(/^processor\s*:/gm)?.length ?? availableParallelism(),
    load: load === "" ? loadavg() : load.split(" ").slice(0, 3).map(Number),
  };
}

export async function readMemory(): Promise<Memory> {
  const info = await readText("/proc/meminfo");
  return { totalBytes: kibibytes(info, "MemTotal") ?? totalmem(), availableBytes: kibibytes(info, "MemAvailable") ?? freemem() };
}
