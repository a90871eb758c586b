import { expect, test } from "vitest";
import * as testing from "./index.ts";

test("the public names of testing", () => {
  expect(Object.keys(testing).sort()).toEqual(["FaultProxy", "createMemoryNetwork", "openTestNetwork", "startFaultProxy", "transportCompliance", "useTestNetwork"]);
});
