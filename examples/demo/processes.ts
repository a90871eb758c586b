import { readdir } from "node:fs/promises";
import { kibibytes, readText } from "./proc.ts";

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly residentBytes: number;
}

export interface Processes {
  readonly count: number;
  readonly largest: readonly Process[];
}

/** How many processes there are, and the five that hold the most memory. */
export async function readProcesses(): Promise<Processes> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const processes: Process[] = [];
  for (const pid of pids) {
    const status = await readText(`/proc/${pid}/status`);
    if (status === "") continue; // it has ended meanwhile
    processes.push({ pid: Number(pid), name: /^Name:\s*(.+)$/m.exec(status)?.[1] ?? "", residentBytes: kibibytes(status, "VmRSS") ?? 0 });
  }
  if (processes.length === 0) processes.push({ pid: process.pid, name: process.title, residentBytes: process.memoryUsage.rss() });
  return { count: processes.length, largest: processes.sort((a, b) => b.residentBytes - a.residentBytes).slice(0, 5) };
}
