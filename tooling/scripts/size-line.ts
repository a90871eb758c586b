interface Published {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | object>>;
}

interface Sizes {
  readonly unpackedBytes: number;
  readonly gzipBytes: number;
}

const kilobytes = (bytes: number): string => `${Math.max(Math.round(bytes / 1000), 1)} kB`;

/** What a package's README says of its size and entries. */
export function sizeLine({ name, exports }: Published, { unpackedBytes, gzipBytes }: Sizes): string {
  const entries = Object.entries(exports).flatMap(([path, target]) => (typeof target === "object" ? [`\`${path.replace(".", name)}\``] : []));
  const code = entries.length === 0 ? "" : `; its JavaScript is ${kilobytes(gzipBytes)} compressed. Entries: ${entries.join(", ")}`;
  return `Size: ${kilobytes(unpackedBytes)} installed${code}.`;
}
