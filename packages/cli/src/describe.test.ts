import { afterAll, beforeAll, expect, test } from "vitest";
import { startSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

test("a coordinator tells what it serves", async () => {
  const told = JSON.parse((await system.acomm(["describe"])).stdout) as { readonly tasks: readonly { readonly done: number }[] };
  expect(told).toMatchObject({ kind: "coordinator", name: "main", tasks: [{ task: "disk-info", done: expect.any(Number) }] });
  // Each look counts as a call done.
  const done = (told.tasks[0]?.done ?? 0) + 1;
  const { stdout } = await system.acomm(["describe", "-o", "table"]);
  expect(stdout).toBe(`coordinator main  ok  pid ${system.door.child.pid ?? 0}  up 2m 5s  http://127.0.0.1:8080/

TASK       STATE  PRIORITY  IN FLIGHT  RATE    P50   P99  DONE  FAILED
disk-info                           2  41/s  1.2ms  13ms  ${done}       3
  disks    ready        50          2                     1200       3
  spare    aside        60          0                        0       0
`);
});

test("a task tells what it takes and gives", async () => {
  expect(JSON.parse((await system.acomm(["describe", "copy"])).stdout)).toMatchObject({ kind: "provider", name: "disks", tasks: [{ task: "copy", args: { type: "object" } }] });
  const { code, stdout } = await system.acomm(["describe", "copy", "-o", "table"]);
  expect(code).toBe(0);
  expect(stdout.replace(/up .+/, "up TIME")).toBe(`copy  Copies, and tells how far it is.
  provider    disks  ok  pid ${system.provider.child.pid ?? 0}  up TIME
  priority    50
  timeout     the caller's
  at once     64, and 1000 may wait
  idempotent  no
  now         0 running, 0 waiting; 0 done, 0 failed
  arguments
    {
      "type": "object",
      "properties": {
        "steps": { "type": "number" }
      },
      "required": ["steps"]
    }
  result      any
`);
});

test("a provider that is asked by its URL tells all of its tasks", async () => {
  const { stdout } = await system.acomm(["describe", "--url", `unix://${system.socketDir}/copy/50-disks.sock`, "-o", "table"]);
  expect(stdout).toMatch(/^provider disks {2}ok {2}pid \d+ {2}up .*\n\nTASK {7}PRIORITY {2}RUNNING {2}WAITING {2}DONE {2}FAILED {2}DESCRIPTION\n/);
  expect(stdout).toContain("\ncopy             50        0        0     0       0  Copies, and tells how far …\n");
});

test("a task that nobody serves exits with 4", async () => {
  const { code, stdout, stderr } = await system.acomm(["describe", "none", "--url", `unix://${system.socketDir}/copy/50-disks.sock`]);
  expect({ code, stdout, stderr }).toEqual({ code: 4, stdout: "", stderr: "acomm: unknown_task: disks serves no task none: it serves disk-info, copy, image, wait, deaf\n" });
});

test("top is a line of JSON a look where nobody looks on", async () => {
  const { code, stdout } = await system.acomm(["top", "-n", "2", "--interval", "100ms"]);
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)).toMatchObject([{ kind: "coordinator" }, { kind: "coordinator" }]);
  expect((await system.acomm(["top", "-n", "1", "-o", "table"])).stdout).toMatch(/^coordinator main {2}ok {2}up 2m 5s {2}2 in flight {2}41\/s {2}http:.*\n\nTASK {7}STATE/);
});

test("A96 top goes on until it is interrupted", async () => {
  await using top = system.start(["top", "--interval", "100ms"]);
  for (let look = 0; look < 3; look += 1) expect(JSON.parse(await top.line())).toMatchObject({ kind: "coordinator" });
  top.child.kill("SIGINT");
  expect(await top.result()).toMatchObject({ code: 130, stderr: "" });
});

test("top where nobody is there exits with 4", async () => {
  expect(await system.acomm(["top", "--coordinator", "other"])).toMatchObject({ code: 4, stderr: expect.stringContaining("--name other") });
});
