import type { Random } from "./random.ts";

/** Texts that mean something to one of the decoders. */
const words = [
  ..."{ } [ ] : , \" \\ / null true false 0 -0 1e400 -1 1E+9 0x1 NaN \\u0000 \\ud800 \\\" \\\\ \" \t\n".split(" "),
  ...['"id":', '"task":', '"args":', '"ext":', '"error":', '"result":', '"responsehook":', '"responseHook":', '"stream_url":', '"taskURL":', '"ID":', '"__proto__":'],
  ...['{"reply":true}', '{"keepAlive":true}', '{"keepAlive":true,"reply":true}', '"streamEnd":"half-close"', '{"Scheme":"unix","Path":"/a"}', '"unix:///a"', '"http://h:0/"', '"javascript:x"'],
  ...['{"error":"","id":"', '","result":', ',"stream_url":null}', ',"stream_url":null,"ext":{"reply":true}}', '","responsehook":null,"stream_url":null,"args":', ',"ext":{"reply":true}}'],
  ...["\u0000", "\u00e9", "\ud83d\ude00", "\u2028", "\ufeff", "@ID@", "../", "%2e%2e", "%2f", "%00", "x".repeat(130), " ".repeat(300), "[".repeat(257), '{"a":'.repeat(257), "7".repeat(400)],
].map((word) => Buffer.from(word));
/** Bytes that are no UTF-8: an overlong slash, an encoded surrogate, more than Unicode has, the middle of a character. */
const oddBytes = ["ff", "c0af", "eda080", "f4908080", "9f98", "efbbbf", "00", "0a", "7f"].map((hex) => Buffer.from(hex, "hex"));
/** What somebody sends who takes the socket for something else. */
const headers = ["00000000", "ffffffff", "7fffffff", "80000000", "01000001", "00010001", "47455420", "16030100"].map((hex) => Buffer.from(hex, "hex"));
const longest = 60_000;
const tokens = /"(?:[^"\\]|\\.)*"|[^\s{}[\]:,"]+/g;
const keys = ["id", "task", "args", "ext", "error", "result", "responsehook", "responseHook", "stream_url", "streamURL", "taskURL", "reply", "keepAlive", "streamEnd", "Scheme", "Host", "Path", "RawPath", "RawQuery", "Fragment", "Opaque", "User", "ID", "__proto__", "i\\u0064", ""].map((key) => `"${key}"`);
const values = [
  ..."null true false 0 -1 1.50 1e400 9007199254740993 [] {} [[]] {\"a\":{}} [1,\"]\"] \"\" \"x\" \"echo\" \"acomm.cancel\" \"@ID@\" \"half-close\" \"\\ud800\" \"\\n\" \"a/../b\"".split(" "),
  ...['"unix:///a/b.sock"', '"http://127.0.0.1:1/h"', '{"Scheme":"unix","Path":"/a"}', '{"Scheme":"http","Host":"h","Path":"/%2f"}', '{"reply":true}', '{"keepAlive":true}', '"overloaded: later"', '"stopping: x"', `"${"x".repeat(128)}"`, "[".repeat(250) + "]".repeat(250)],
];

/** One input made of another: some stay JSON, some don't; `entries` are those that it may be spliced with. */
export function mutate(random: Random, entry: Buffer, entries: readonly Buffer[]): Buffer {
  let bytes: Buffer = entry;
  if (random.chance(0.6)) for (let changes = 1 + random.below(3); changes > 0; changes -= 1) bytes = changeToken(random, bytes);
  else for (let changes = 1 + random.below(3); changes > 0; changes -= 1) bytes = change(random, bytes, entries);
  return bytes.length > longest ? bytes.subarray(0, longest) : bytes;
}

/** Puts another key in the place of a key, or another value in the place of a value. */
function changeToken(random: Random, bytes: Buffer): Buffer {
  const text = bytes.toString("latin1"); // byte for byte
  const found = [...text.matchAll(tokens)];
  if (found.length === 0) return bytes;
  const { 0: token, index } = random.pick(found);
  const rest = text.slice(index + token.length);
  const isKey = /^\s*:/.test(rest);
  return Buffer.from(`${text.slice(0, index)}${random.pick(isKey ? keys : values)}${rest}`, "latin1");
}

function change(random: Random, bytes: Buffer, entries: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  const length = 1 + random.below(random.chance(0.7) ? 8 : Math.max(bytes.length, 1));
  const insert = (piece: Uint8Array): Buffer => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  switch (random.below(9)) {
    case 0: // flip a bit
      return flip(bytes, at, 1 << random.below(8));
    case 1: // upper case to lower, digits to letters
      return flip(bytes, at, 0x20);
    case 2:
      return insert(Buffer.of(random.below(256)));
    case 3:
      return insert(random.pick(words));
    case 4:
      return insert(random.pick(oddBytes));
    case 5: // delete
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 6: // duplicate, once or often
      return insert(Buffer.alloc(Math.min(length, bytes.length - at) * (random.chance(0.9) ? 1 : 1 + random.below(50)), bytes.subarray(at, at + length)));
    case 7: { // splice two entries
      const other = random.pick(entries);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
    }
    default: // cut off
      return random.chance(0.5) ? bytes.subarray(0, at) : bytes.subarray(at);
  }
}

function flip(bytes: Buffer, at: number, bits: number): Buffer {
  const changed = Buffer.from(bytes);
  if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ bits;
  return changed;
}

/** Breaks the framing of a stream of frames: a wrong length somewhere, or something between two frames. */
export function breakFraming(random: Random, frames: readonly Buffer[]): Buffer {
  const broken = [...frames];
  const index = random.below(broken.length);
  const frame = Buffer.from(broken[index] ?? Buffer.alloc(4));
  switch (random.below(4)) {
    case 0:
      frame.writeUInt32BE((frame.readUInt32BE(0) + random.pick([-1, 1, 3, 256, 65_536, 16_777_216])) >>> 0);
      broken[index] = frame;
      break;
    case 1:
      broken.splice(index, 0, random.pick(headers));
      break;
    case 2: // the end comes within a frame
      broken.splice(index, broken.length, frame.subarray(0, 1 + random.below(frame.length - 1)));
      break;
    default:
      broken.splice(index, 0, Buffer.of(random.below(256)));
  }
  return Buffer.concat(broken);
}

/** A stream of bytes in up to eight pieces, cut anywhere. */
export function cutAnywhere(random: Random, stream: Buffer): Buffer[] {
  const cuts = Array.from({ length: random.below(8) }, () => random.below(stream.length + 1)).sort((a, b) => a - b);
  return [0, ...cuts].map((start, index) => stream.subarray(start, cuts[index] ?? stream.length)).filter((piece) => piece.length > 0);
}
