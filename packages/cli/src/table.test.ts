import { expect, test } from "vitest";
import { renderTable } from "./table.ts";

const plain = (_style: string, text: string): string => text;
const columns = [{ title: "TASK" }, { title: "RATE", align: "right" }, { title: "WHAT" }] as const;

test("columns are as wide as what stands in them", () => {
  expect(renderTable(columns, [["disk-info", "1", "x"], ["echo", "1000", ""]], 80, plain)).toBe(["TASK       RATE  WHAT", "disk-info     1  x", "echo       1000"].join("\n"));
});

test("colours take no room", () => {
  expect(renderTable(columns, [["\u001b[32mecho\u001b[39m", "1", "x"]], 80, plain)).toBe("TASK  RATE  WHAT\n\u001b[32mecho\u001b[39m     1  x");
});

test("what is too wide is cut where it is widest", () => {
  const [, row = ""] = renderTable(columns, [["disk-info", "1", "tells what disks there are, and how full they are"]], 40, plain).split("\n");
  expect(row).toBe("disk-info     1  tells what disks there…");
  expect(row.length).toBeLessThanOrEqual(40);
});
