import { expect, test } from "vitest";
import * as nats from "./index.ts";

test("the public names", () => {
  expect(Object.keys(nats).sort()).toEqual(["createNatsNetwork"]);
});
