import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const directory = new URL("corpus/", import.meta.url);

/** What the mutations start from. */
export interface Corpus {
  /** Messages and what else may stand in a frame, by the name of the file. */
  readonly payloads: ReadonlyMap<string, Buffer>;
  /** Bytes with their framing, which may be broken, by the name of the file: `*.stream`. */
  readonly streams: ReadonlyMap<string, Buffer>;
}

/** @param socketDirectory what `@DIR@` stands for in them; `@ID@` is left to whoever knows the id of an open request */
export function readCorpus(socketDirectory: string): Corpus {
  const payloads = new Map<string, Buffer>();
  const streams = new Map<string, Buffer>();
  for (const name of readdirSync(directory).sort()) {
    // byte for byte: some of them are not UTF-8
    const text = readFileSync(new URL(name, directory), "latin1").replaceAll("@DIR@", socketDirectory);
    (name.endsWith(".stream") ? streams : payloads).set(name, Buffer.from(text, "latin1"));
  }
  return { payloads, streams };
}

/** Keeps an input that failed for all later runs. Gives the file's path. */
export function keepFailure(stream: Uint8Array): string {
  const file = new URL(`failed-${createHash("sha256").update(stream).digest("hex").slice(0, 12)}.stream`, directory);
  writeFileSync(file, stream);
  return fileURLToPath(file);
}
