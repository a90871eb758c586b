import { expect, test } from "vitest";
import { connectionPerRequest, inFlight, keptConnection, largeFrames } from "./calls.ts";
import { mebibyte, violationsOf } from "./finding.ts";

test("L1 a connection for each request is no less than half as fast at a service as at a bare server", async () => {
  expect(violationsOf(await connectionPerRequest({ requests: 800, rounds: 3, least: 35, leastWhole: 10 }))).toEqual([]);
}, 60_000);

test("L2 64 requests in flight on a kept connection are no less than a third as fast as a bare socket", async () => {
  expect(violationsOf(await keptConnection({ forMs: 200, rounds: 3 }))).toEqual([]);
}, 60_000);

test("L5 10 000 requests under way fit in memory, none is lost, and no timer is left", async () => {
  expect(violationsOf(await inFlight({ requests: 10_000, forMs: 500, patience: 4 }))).toEqual([]);
}, 60_000);

test("L8 large frames from many connections at once are held to a limit: answered, or refused with a word", async () => {
  expect(violationsOf(await largeFrames({ frames: 30, bytes: 4 * mebibyte, rounds: 3 }))).toEqual([]);
}, 60_000);
