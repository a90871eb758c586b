import { thrownBy } from "@acomm/testing";
import { describe, expect, test } from "vitest";
import { checkTaskName, coordinatorSocketPath, parseProviderSocket, providerSocketPath, responseSocketPath, streamDirectory } from "./socket-layout.ts";

test("every socket has its place", () => {
  expect(providerSocketPath("/run/acomm", { task: "disk-info", priority: 5, provider: "disks" })).toBe("/run/acomm/disk-info/05-disks.sock");
  expect(coordinatorSocketPath("/run/acomm")).toBe("/run/acomm/coordinator/main.sock");
  expect(responseSocketPath("/run/acomm", "disks")).toBe("/run/acomm/response/disks.sock");
  expect(streamDirectory("/run/acomm", "disks")).toBe("/run/acomm/streams/disks");
});

test.each([
  ["50-disks.sock", { task: "t", priority: 50, provider: "disks" }],
  ["7-a-b.c.sock", { task: "t", priority: 7, provider: "a-b.c" }],
  ["disks.sock", undefined],
  ["50-.sock", undefined],
  ["50-..sock", undefined],
  ["5000-a.sock", undefined],
  [".a1234-x", undefined],
])("the file %s", (name, expected) => {
  expect(parseProviderSocket("t", name)).toEqual(expected);
});

describe("A41 a task that becomes a directory", () => {
  test.each(["", ".", "..", "a/b", "../x", "a b", "a\0b", "\u202e", ".hidden", "-a", "é", "a".repeat(129)])("is bad_field: %j", (task) => {
    expect(thrownBy(() => checkTaskName(task))).toMatchObject({ code: "bad_field", message: expect.stringContaining("task") });
  });

  test.each(["coordinator", "response", "streams", "Response", "STREAMS"])("A42 is unknown_task where the layout has it: %s", (task) => {
    expect(thrownBy(() => checkTaskName(task))).toMatchObject({ code: "unknown_task" });
  });

  test.each(["a", "disk-info", "v1.2_x", "7zip"])("is taken: %s", (task) => {
    expect(checkTaskName(task)).toBe(task);
  });
});

test("a directory that is relative or leaves no room is bad_address", () => {
  expect(thrownBy(() => coordinatorSocketPath("run/acomm")).code).toBe("bad_address");
  expect(thrownBy(() => coordinatorSocketPath(`/${"d".repeat(90)}`)).code).toBe("bad_address");
});
