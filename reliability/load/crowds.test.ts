import { expect, test } from "vitest";
import { growingPools, manyPeers, manyTrackers } from "./crowds.ts";
import { violationsOf } from "./finding.ts";

const patience = 4; // other tests may have the machine as well

test("L12 a pool that is flooded and left alone in turns grows to its limit and comes back to nothing", async () => {
  expect(violationsOf(await growingPools({ waves: 3, messages: 500, patience }))).toEqual([]);
}, 60_000);

test("L14 200 trackers in one process work side by side and leave nothing", async () => {
  expect(violationsOf(await manyTrackers({ trackers: 200, patience }))).toEqual([]);
}, 60_000);

test("L14 500 peers of one caller each get a connection, which ends once it is unused", async () => {
  expect(violationsOf(await manyPeers({ peers: 500, idleTimeoutMs: 500, patience }))).toEqual([]);
}, 60_000);
