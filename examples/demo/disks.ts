import { stat, statfs } from "node:fs/promises";
import { readText } from "./proc.ts";

export interface Disk {
  readonly mount: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
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

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((stats) => stats.isDirectory(), () => false);
}
