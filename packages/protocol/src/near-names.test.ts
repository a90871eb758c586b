import { expect, test } from "vitest";
import { editDistance, nearNames } from "./near-names.ts";

test("the distance of two texts counts letters put in, taken out, replaced and swapped", () => {
  for (const [from, to, distance] of [["", "", 0], ["", "abc", 3], ["abc", "", 3], ["disk", "disk", 0], ["disk", "dusk", 1], ["disk", "disks", 1], ["disk", "dsk", 1], ["dsik", "disk", 1], ["kitten", "sitting", 3]] as const) {
    expect([from, to, editDistance(from, to)]).toEqual([from, to, distance]);
  }
});

test("the nearest names come first, and what is far away is none of them", () => {
  const names = ["disk-info", "disk-undo", "cpu", "load", "Disk-Info2"];
  expect(nearNames("disk-inof", names)).toEqual(["disk-info", "Disk-Info2"]);
  expect(nearNames("DISK-INFO", names)).toEqual(["disk-info", "Disk-Info2", "disk-undo"]);
  expect(nearNames("cpi", names)).toEqual(["cpu"]);
  expect(nearNames("x", names)).toEqual([]);
  expect(nearNames("network", names)).toEqual([]);
  expect(nearNames("disk-info", names, 1)).toEqual(["disk-info"]);
});

test("a name without end is not compared with thousands", () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `task-${"x".repeat(100)}-${index}`);
  const startedAt = performance.now();
  expect(nearNames("x".repeat(128), names)).toEqual([]);
  expect(performance.now() - startedAt).toBeLessThan(50);
});
