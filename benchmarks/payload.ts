/** One record of what a service tells of a disk: short names, numbers, a flag, an array; about 200 bytes of JSON. */
const record = {
  id: 48_213,
  device: "/dev/disk/by-id/nvme-eui.0025385b21404321",
  mount: "/var/lib/builds",
  sizeBytes: 512_110_190_592,
  usedBytes: 301_989_888_113,
  readOnly: false,
  load: [0.42, 0.37, 0.31],
  labels: { zone: "b2" },
};

/** Arguments of about that many bytes of JSON: records, as many as it takes. */
export function payloadOf(bytes: number): unknown {
  const recordBytes = JSON.stringify(record).length;
  const count = Math.round(bytes / recordBytes);
  return count <= 1 ? record : Array.from({ length: count }, (_, index) => ({ ...record, id: record.id + index }));
}

/** Records of 180 to 450 bytes of JSON, of which every second has a letter beyond ASCII. */
export function mixedRecords(): unknown[] {
  return Array.from({ length: 61 }, (_, index) => ({ ...record, mount: `/var/lib/${"b".repeat((index * 37) % 250)}`, ...(index % 2 === 0 ? { device: "/dev/disk/by-label/Zürich" } : undefined) }));
}

/** One string of about that many bytes of JSON: the cheapest there is to write and to read. */
export function textOf(bytes: number): string {
  return "x".repeat(bytes - 2);
}
