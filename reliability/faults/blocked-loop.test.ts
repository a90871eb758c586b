import { Tracker } from "@acomm/tracker";
import { temporaryDirectory, codeOf } from "@acomm/testing";
import { expect, test } from "vitest";
import { runProcess } from "../run-process.ts";

test("F37 a caller that holds its own event loop up for 3 s reads what has come before it blames anybody", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.socket("service");
  await using service = runProcess("service", path, `${directory.path}/notes`, "5000");
  await service.message();
  await using caller = runProcess("blocked-caller", `unix://${path}`, directory.socket("caller"));
  expect(await caller.output()).toEqual({ code: 0, text: '["answered","answered","answered","accepted"]\n' });
});

test("F37 a service whose handler holds its event loop up for 3 s: who waits long enough is answered, who doesn't has a timeout, and then it goes on", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.socket("service");
  const url = `unix://${path}`;
  await using service = runProcess("service", path, `${directory.path}/notes`);
  await service.message();
  await using tracker = new Tracker({ socketPath: directory.socket("tracker") });
  await tracker.start();
  await tracker.request(url, { task: "echo" });
  const blocked = tracker.request(url, { task: "block", args: { ms: 3000 } });
  const patient = Array.from({ length: 50 }, (_, args) => tracker.request(url, { task: "echo", args: { args }, timeoutMs: 10_000 }));
  const impatient = Array.from({ length: 50 }, () => codeOf(tracker.request(url, { task: "echo", timeoutMs: 500 })));
  expect(new Set(await Promise.all(impatient))).toEqual(new Set(["timeout"]));
  expect(await blocked).toBe("blocked");
  expect(await Promise.all(patient)).toEqual(Array.from({ length: 50 }, (_, args) => ({ args })));
  const startedAt = performance.now();
  await tracker.request(url, { task: "echo" });
  expect(performance.now() - startedAt).toBeLessThan(500);
});
