import { expect, test } from "vitest";
import * as cli from "./index.ts";

test("the public names", () => {
  expect(Object.keys(cli)).toEqual(["exitCodes"]);
});
