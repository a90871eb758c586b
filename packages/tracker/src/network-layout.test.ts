import { thrownBy } from "@acomm/testing";
import { expect, test } from "vitest";
import { taskAddress } from "./network-layout.ts";

test("a task has one address on a network, whoever serves it", () => {
  expect(taskAddress("disk-info")).toBe("acomm.tasks.disk-info");
  expect(thrownBy(() => taskAddress("a.>")).code).toBe("bad_field");
  expect(thrownBy(() => taskAddress("coordinator")).code).toBe("unknown_task");
});
