import { expect, test } from "vitest";
import * as multirequest from "./index.ts";

test("the public names", () => {
  expect(Object.keys(multirequest).sort()).toEqual(["MultiRequest"]);
});
