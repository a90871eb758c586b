import { decodeUtf8 } from "@acomm/protocol";
import { isAscii } from "node:buffer";

const headerBytes = 4;

/**
 * Whether the frame from `start` to `end` and those that follow it in the chunk are ASCII. Their headers need not be: of half of all
 * lengths they aren't, so meanwhile there are zeros in their place.
 */
export function hasAsciiFrames(chunk: Buffer, start: number, end: number): boolean {
  if (isAscii(chunk)) return true;
  const lengths: number[] = [];
  let at = end;
  while (chunk.length - at >= headerBytes) {
    const length = chunk.readUInt32BE(at);
    if (length > chunk.length - at - headerBytes) break;
    lengths.push(length);
    chunk.writeUInt32BE(0, at);
    at += headerBytes + length;
  }
  const isAllAscii = isAscii(chunk.subarray(start, at));
  at = end;
  for (const length of lengths) {
    chunk.writeUInt32BE(length, at);
    at += headerBytes + length;
  }
  return isAllAscii;
}

/** The text of the frame from `start` to `end`. @throws `bad_json` where the bytes are not UTF-8. */
export function textOfFrame(source: Uint8Array, start: number, end: number): string {
  const bytes = Buffer.isBuffer(source) ? source : Buffer.from(source.buffer, source.byteOffset, end);
  const text = bytes.toString("utf8", start, end);
  return text.includes("\ufffd") ? decodeUtf8(bytes.subarray(start, end)) : text; // it stands for what isn't UTF-8, or for itself
}
