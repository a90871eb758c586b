import { expect, test } from "vitest";
import { kinds } from "./load.ts";
import { runSoak } from "./soak.ts";

test("L6 F2 F8 a short soak: calls of every kind over faults, kills and restarts; none is lost, none runs twice, nothing stays open", async () => {
  const { totals, duplicated, processes, faults } = await runSoak({ seconds: 6, rate: 150, killEveryMs: 1500, restEverySeconds: 2 });
  expect(kinds.filter((kind) => totals[kind].lost > 0 || totals[kind].corrupt > 0)).toEqual([]);
  expect(kinds.filter((kind) => totals[kind].answered === 0)).toEqual([]);
  for (const { restingMebibytes } of processes) expect(restingMebibytes).toBeGreaterThan(10);
  expect(duplicated).toEqual([]);
  expect(processes.filter(({ descriptorDelta }) => descriptorDelta !== 0)).toEqual([]);
  expect(Object.keys(faults)).toEqual(expect.arrayContaining(["cuts", "killed services", "killed clients", "killed gateways"]));
}, 60_000);
