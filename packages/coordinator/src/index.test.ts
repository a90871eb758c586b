import { expect, test } from "vitest";
import * as coordinator from "./index.ts";

test("the public names", () => {
  expect(Object.keys(coordinator)).toEqual(["Coordinator"]);
});
