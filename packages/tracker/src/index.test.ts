import { expect, test } from "vitest";
import * as tracker from "./index.ts";

test("the public names", () => {
  expect(Object.keys(tracker).sort()).toEqual([
    "Tracker", "checkPriority", "checkServiceName", "checkSocketDirectory", "checkTaskName", "coordinatorSocketPath", "parseProviderSocket", "providerSocketPath",
    "responseSocketPath", "streamDirectory", "taskAddress",
  ]);
});
