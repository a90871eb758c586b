/**
 * Runs the cases of load at full size and prints what each came to; exits with 1 where a figure is out of its bound:
 * `main.ts [--only L4,F20]`. Some minutes on two cores that have nothing else to do.
 */
import { parseArgs } from "node:util";
import { connectionPerRequest, inFlight, keptConnection, largeFrames } from "./calls.ts";
import { burst, callerDescriptorsExhausted, churn, idleConnections, oneShotBurst, serverDescriptorsExhausted, silentConnections } from "./connections.ts";
import { growingPools, manyPeers, manyTrackers } from "./crowds.ts";
import { mebibyte } from "./finding.ts";
import { startStopCycles, twoStarters } from "./lifecycle.ts";
import { runCases } from "./run-cases.ts";
import type { Case } from "./run-cases.ts";
import { manyStreams, slowReader, stalledReaders, unopenedStreams } from "./streams.ts";

const cases: readonly Case[] = [
  { numbers: "L1", done: "a connection for each of 20 000 requests, 50 clients", run: () => connectionPerRequest({ requests: 20_000, rounds: 5 }) },
  { numbers: "L2", done: "64 requests in flight on a kept connection", run: () => keptConnection({ forMs: 2000, rounds: 5 }) },
  { numbers: "F18 L3", done: "10 000 connections at once, one request each", run: () => burst({ connections: 10_000 }) },
  { numbers: "F18 L3", done: "10 000 callers at once, a connection for each message", run: () => oneShotBurst({ callers: 10_000 }) },
  { numbers: "L4", done: "5 000 connections that were used once and stay", run: () => idleConnections({ connections: 5000 }) },
  { numbers: "L5", done: "10 000 requests under way for 10 s", run: () => inFlight({ requests: 10_000, forMs: 10_000 }) },
  { numbers: "L7", done: "1 000 000 connections, one after the other", run: () => churn({ total: 1_000_000 }) },
  { numbers: "L8", done: "50 frames of 8 MiB at once, 10 times", run: () => largeFrames({ frames: 50, bytes: 8 * mebibyte, rounds: 10 }) },
  { numbers: "L9", done: "200 readers that take nothing of a GiB each", run: () => stalledReaders({ readers: 200 }) },
  { numbers: "L9", done: "a slow reader of 64 MiB", run: () => slowReader({ totalBytes: 64 * mebibyte }) },
  { numbers: "L10", done: "200 streams of 8 MiB read at once", run: () => manyStreams({ streams: 200, totalBytes: 8 * mebibyte }) },
  { numbers: "L11", done: "2 000 streams that nobody opens", run: () => unopenedStreams({ streams: 2000, openTimeoutMs: 30_000 }) },
  { numbers: "L12", done: "pools flooded with 2 000 messages and left alone, 20 times", run: () => growingPools({ waves: 20, messages: 2000 }) },
  { numbers: "L13", done: "listener, service, tracker and stream started and stopped 500 times", run: () => startStopCycles({ cycles: 500 }) },
  { numbers: "L14", done: "500 trackers in one process", run: () => manyTrackers({ trackers: 500 }) },
  { numbers: "L14", done: "1 000 peers of one caller", run: () => manyPeers({ peers: 1000, idleTimeoutMs: 1000 }) },
  { numbers: "F10 F11", done: "two processes start at one path at once, 200 times fresh, 200 times after kill -9", run: () => twoStarters({ rounds: 200 }) },
  { numbers: "F20", done: "ulimit -n 128, 500 clients", run: () => serverDescriptorsExhausted({ clients: 500, maxDescriptors: 128, forMs: 5000 }) },
  { numbers: "F20", done: "the same, with a maxConnections above the descriptors", run: () => serverDescriptorsExhausted({ clients: 500, maxDescriptors: 128, maxConnections: 10_000, forMs: 5000 }) },
  { numbers: "F20", done: "a caller with ulimit -n 64 and 200 peers", run: () => callerDescriptorsExhausted({ peers: 200, maxDescriptors: 64 }) },
  { numbers: "F25", done: "5 000 connections that say nothing", run: () => silentConnections({ connections: 5000 }) },
];

const { values: options } = parseArgs({ options: { only: { type: "string" } } });
const wanted = options.only?.split(",");
const chosen = cases.filter(({ numbers }) => wanted === undefined || numbers.split(" ").some((number) => wanted.includes(number)));
if (chosen.length === 0) throw new Error(`no case has such a number; there are: ${[...new Set(cases.flatMap(({ numbers }) => numbers.split(" ")))].join(", ")}`);

await runCases(chosen);
