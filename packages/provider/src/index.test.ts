import { expect, test } from "vitest";
import * as provider from "./index.ts";

test("the public names", () => {
  expect(Object.keys(provider).sort()).toEqual(["Provider", "createClient"]);
});
