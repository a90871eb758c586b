import { expect, test } from "vitest";
import { pageWith } from "./page.ts";
import type { Section } from "./section.ts";

const section: Section = {
  name: "calls-1",
  title: "Calls",
  method: "As always.",
  columns: [{ key: "calls", heading: "calls/s" }, { key: "ratio", heading: "of bare", digits: 2 }],
  rows: [
    { name: "acomm", values: { calls: 1_234_567.8, ratio: 1.5 } },
    { name: "bare net", values: { calls: 999, ratio: 1 } },
    { name: "an acomm of old", values: { calls: 1000 } },
  ],
};

test("a section's table takes the place of the one that follows its comment, and nothing else changes", () => {
  const page = ["# Fast", "<!-- calls-10 -->\n\n| other |\n|---|\n| 1 |\n", "<!-- calls-1 -->\n\n| old |\n|---|\n| 2 |\n", "The end.", ""].join("\n");
  expect(pageWith(page, [section, { ...section, name: "no place for it" }])).toBe(["# Fast", "<!-- calls-10 -->\n\n| other |\n|---|\n| 1 |\n", `<!-- calls-1 -->

| | calls/s | of bare |
|---|---:|---:|
| **acomm** | 1 234 568 | 1.50 |
| bare net | 999 | 1.00 |
| an acomm of old | 1 000 |  |
`, "The end.", ""].join("\n"));
});
