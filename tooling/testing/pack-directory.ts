import { lstat, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const blockBytes = 512;
const compress = promisify(gzip);

/** The files of a package's directory, without its `node_modules`, as the gzipped tar that a registry serves. */
export async function packDirectory(directory: string): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const path = name.replaceAll("\\", "/");
    const file = await lstat(join(directory, name));
    if (!file.isFile() || path.split("/").includes("node_modules")) continue;
    const bytes = await readFile(join(directory, name));
    const padding = -bytes.length & (blockBytes - 1);
    blocks.push(headerOf(`package/${path}`, bytes.length, (file.mode & 0o111) !== 0), bytes, new Uint8Array(padding));
  }
  blocks.push(new Uint8Array(2 * blockBytes));
  return compress(Buffer.concat(blocks), { level: 1 });
}

/** @throws {Error} if the path is longer than the format (ustar) can say */
function headerOf(path: string, sizeBytes: number, executable: boolean): Uint8Array {
  const header = Buffer.alloc(blockBytes);
  // a long path is cut in two at a slash: 100 bytes for its end, 155 for what is before that
  const slash = Buffer.byteLength(path) > 100 ? path.indexOf("/", Buffer.byteLength(path) - 101) : -1;
  const name = path.slice(slash + 1);
  const prefix = path.slice(0, Math.max(slash, 0));
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(prefix) > 155) throw new Error(`${path} is too long for a tar`);
  header.write(name, 0);
  header.write(executable ? "0000755" : "0000644", 100);
  header.write("0000000\0" + "0000000\0", 108); // the owner
  header.write(sizeBytes.toString(8).padStart(11, "0"), 124);
  header.write("00000000000", 136); // the time
  header.write(" ".repeat(8) + "0", 148);
  header.write("ustar\0" + "00", 257);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
