/**
 * The files of a package's tarball by their paths, without the first folder.
 *
 * @param {Buffer} tar unzipped
 * @returns {Map<string, Buffer>}
 */
export function readTar(tar) {
  const files = new Map();
  const text = (start, length) => tar.toString("utf8", start, start + length).replace(/\0.*$/s, "");
  let longPath;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const type = String.fromCharCode(tar[at + 156]);
    const content = tar.subarray(at + 512, at + 512 + size);
    if (type === "x") longPath = /\d+ path=(.*)\n/.exec(content.toString())?.[1];
    else {
      const prefix = text(at + 345, 155);
      const path = longPath ?? `${prefix === "" ? "" : `${prefix}/`}${text(at, 100)}`;
      if (type === "0" || type === "\0") files.set(path.replace(/^[^/]*\//, ""), content);
      longPath = undefined;
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
