import { expect, test } from "vitest";
import { mebibyte, violationsOf } from "./finding.ts";
import { manyStreams, slowReader, stalledReaders, unopenedStreams } from "./streams.ts";

const patience = 4; // other tests may have the machine as well

test("L9 200 readers that take nothing of a GiB each: the sources are not read ahead, and memory stays", async () => {
  expect(violationsOf(await stalledReaders({ readers: 200, patience }))).toEqual([]);
}, 60_000);

test("L9 a slow reader never makes the writer buffer", async () => {
  expect(violationsOf(await slowReader({ totalBytes: 16 * mebibyte }))).toEqual([]);
}, 60_000);

test("L10 100 streams that are read at the same time all come to their end", async () => {
  expect(violationsOf(await manyStreams({ streams: 100, totalBytes: 2 * mebibyte, patience }))).toEqual([]);
}, 60_000);

test("L11 500 streams that nobody opens end at their time and leave neither descriptors nor files", async () => {
  expect(violationsOf(await unopenedStreams({ streams: 500, openTimeoutMs: 3000, patience }))).toEqual([]);
}, 60_000);
