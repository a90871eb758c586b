import { AcommError } from "@acomm/protocol";
import { isAscii, isUtf8 } from "node:buffer";

/** The text of a payload. @throws `bad_json` where it is not UTF-8 */
export function textOf(data: Uint8Array): string {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (isAscii(buffer)) return buffer.toString("latin1");
  if (isUtf8(buffer)) return buffer.toString();
  throw new AcommError("bad_json", "the message is not UTF-8");
}
