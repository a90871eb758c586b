/** What the demo's service knows: this very machine, read from /proc; elsewhere than on Linux from node:os. */
import { readdir, readFile, stat, statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";

export interface Cpu {
  readonly model: string;
  readonly cores: number;
  readonly load: readonly number[];
}

export interface Memory {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

export interface Disk {
  readonly mount: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly residentBytes: number;
}

export interface Processes {
  readonly count: number;
  readonly largest: readonly Process[];
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

/** The root and what is mounted from a device of its own. */
export async function readDisks(): Promise<readonly Disk[]> {
  const disks = new Map<string, Disk>();
  const mounts = (await readText("/proc/mounts")) || "root / unknown";
  for (const line of mounts.trim().split("\n")) {
    const [device = "", path = "", type = ""] = line.split(" ");
    const mount = path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    const isReal = mount === "/" || (device.startsWith("/dev/") && !device.startsWith("/dev/loop"));
    if (!isReal || disks.has(device) || !(await isDirectory(mount))) continue;
    const { bsize, blocks, bavail } = await statfs(mount);
    disks.set(device, { mount, type, sizeBytes: bsize * blocks, freeBytes: bsize * bavail });
  }
  return [...disks.values()];
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

/** The text of a file, empty where there is none. */
async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((stats) => stats.isDirectory(), () => false);
}

/** The value of a line such as `MemTotal:  8052344 kB`, in bytes. */
function kibibytes(text: string, key: string): number | undefined {
  const value = new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value) * 1024;
}
