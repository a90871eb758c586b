import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { appendFile, copyFile, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** The least that the demo streams. */
const leastBytes = 100_000_000;

export interface LargeFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A real file of 100 MB or more: the running Node.js itself, or, where that is smaller, a file of it several times over. */
export async function findLargeFile(directory: string): Promise<string> {
  if ((await stat(process.execPath)).size >= leastBytes) return process.execPath;
  const path = join(directory, `${basename(process.execPath)}-repeated`);
  await copyFile(process.execPath, path);
  const content = await readFile(process.execPath);
  while ((await stat(path)).size < leastBytes) await appendFile(path, content);
  return path;
}

export async function describeFile(path: string): Promise<LargeFile> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return { name: basename(path), sizeBytes: (await stat(path)).size, sha256: hash.digest("hex") };
}
