import { createHash } from "node:crypto";

/** What is told of a stream; the Go peer tells the same. */
export interface StreamDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** The digest of what can be read. @throws what the source throws */
export async function digestOf(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<StreamDigest> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** The first bytes of the sequence that the Go peer writes, in uneven pieces. */
export function* sequence(bytes: number): Generator<Buffer> {
  const period = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
  let at = 0;
  for (let size = 1; at < bytes; size = (size * 7 + 1) % 50_021) {
    const start = at % period.length;
    const piece = period.subarray(start, Math.min(start + Math.max(size, 1), start + bytes - at));
    yield piece;
    at += piece.length;
  }
}
