import { expect, test } from "vitest";
import { formatBytes } from "./byte-size.ts";

test.each([[0, "0 B"], [512, "512 B"], [1024, "1.0 KiB"], [1_572_864, "1.5 MiB"], [104_857_600, "100 MiB"], [1_073_741_823, "1.0 GiB"], [2 ** 50, "1024 TiB"]])("%d bytes are written %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
