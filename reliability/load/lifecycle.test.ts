import { expect, test } from "vitest";
import { violationsOf } from "./finding.ts";
import { startStopCycles, twoStarters } from "./lifecycle.ts";

const patience = 4; // other tests may have the machine as well

test("L13 listener, service, tracker and stream, started and stopped 200 times, leave no handle, file or listener", async () => {
  expect(violationsOf(await startStopCycles({ cycles: 200, patience }))).toEqual([]);
}, 60_000);

test("F10 F11 of two processes that start at one path at once exactly one owns it, also at the socket of a killed process, within a second", async () => {
  expect(violationsOf(await twoStarters({ rounds: 10 }))).toEqual([]);
}, 60_000);
