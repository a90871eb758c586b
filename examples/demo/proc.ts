import { readFile } from "node:fs/promises";

/** The text of a file, empty where there is none. */
export async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

/** The value of a line such as `MemTotal:  8052344 kB`, in bytes. */
export function kibibytes(text: string, key: string): number | undefined {
  const value = new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value) * 1024;
}
