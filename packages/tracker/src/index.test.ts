import { internalNames } from "@acomm/testing";
import { expect, test } from "vitest";
import * as tracker from "./index.ts";

const internal = await internalNames(import.meta.dirname);
const names = Object.keys(tracker).sort();

test("the public names", () => {
  expect(names.filter((name) => !internal.has(name))).toEqual([
    "Tracker", "coordinatorSocketPath", "providerSocketPath", "responseSocketPath", "streamDirectory",
  ]);
});

test("what only its neighbours use, and no type mentions", () => {
  expect(names.filter((name) => internal.has(name))).toEqual([
    "checkPriority", "checkServiceName", "checkSocketDirectory", "checkTaskName", "parseProviderSocket", "taskAddress",
  ]);
});
