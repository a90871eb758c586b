import { expect, test } from "vitest";
import { burst, callerDescriptorsExhausted, churn, idleConnections, oneShotBurst, serverDescriptorsExhausted, silentConnections } from "./connections.ts";
import { descriptorLimit } from "../probe.ts";
import { violationsOf } from "./finding.ts";

const patience = 4; // other tests may have the machine as well
const descriptors = await descriptorLimit();

test.skipIf(descriptors < 12_000)("F18 L3 of 10 000 connections at once none is lost, and each gets its answer", async () => {
  expect(violationsOf(await burst({ connections: 10_000, patience }))).toEqual([]);
}, 60_000);

test("F18 L3 of 4 000 callers at once, each with a connection for one message, every one is acknowledged", async () => {
  expect(violationsOf(await oneShotBurst({ callers: 4000, processes: 2, patience }))).toEqual([]);
}, 60_000);

test.skipIf(descriptors < 6000)("L4 connections that stay open unused cost little, and their descriptors come back", async () => {
  expect(violationsOf(await idleConnections({ connections: 5000, rounds: 1, mostMiB: 40, patience }))).toEqual([]);
}, 60_000);

test("L7 6 000 connections one after the other leave no descriptor and no memory", async () => {
  expect(violationsOf(await churn({ total: 6000, patience }))).toEqual([]);
}, 60_000);

test("F20 a service with 128 descriptors and 500 clients neither spins nor talks, and takes a new client once there is room", async () => {
  expect(violationsOf(await serverDescriptorsExhausted({ clients: 500, maxDescriptors: 128, forMs: 500, patience }))).toEqual([]);
}, 60_000);

test("F20 the same where it was allowed more connections than it has descriptors", async () => {
  expect(violationsOf(await serverDescriptorsExhausted({ clients: 500, maxDescriptors: 128, maxConnections: 10_000, forMs: 500, patience }))).toEqual([]);
}, 60_000);

test("F20 a caller with too few descriptors is told overloaded, does not spin, and calls again once it has some", async () => {
  expect(violationsOf(await callerDescriptorsExhausted({ peers: 100, maxDescriptors: 64, patience }))).toEqual([]);
}, 60_000);

test.skipIf(descriptors < 6000)("F25 5 000 silent connections disturb neither a caller that is there nor one that comes, and all are closed", async () => {
  expect(violationsOf(await silentConnections({ connections: 5000, patience }))).toEqual([]);
}, 60_000);
