import { createRequest } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createRegistry, createUnixTransport, send } from "@acomm/transport";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runProcess } from "../run-process.ts";

test("F15 F16 a service stopped with SIGSTOP: timeout at the limit of the acknowledgement, another one is asked, and what it does when it goes on reaches nobody twice", async () => {
  await using directory = await temporaryDirectory();
  const ackTimeoutMs = 400;
  await using registry = createRegistry([createUnixTransport({ ackTimeoutMs })]);
  await using tracker = new Tracker({ socketPath: directory.socket("tracker"), registry });
  await tracker.start();
  const [stoppedPath, otherPath] = [directory.socket("stopped"), directory.socket("other")];
  const notesPath = `${directory.path}/notes`;
  await using stopped = runProcess("service", stoppedPath, notesPath);
  await using other = runProcess("service", otherPath, notesPath);
  await Promise.all([stopped.message(), other.message()]);
  await tracker.request(`unix://${stoppedPath}`, { task: "echo" });
  stopped.child.kill("SIGSTOP");
  await stopped.stopped();

  // on the connection that is kept, and to the hook on another
  const outcomes: string[] = [];
  const request = createRequest({ task: "echo", args: { key: "hook" }, responseHook: tracker.url, onSuccess: () => void outcomes.push("success"), onError: (_request, { error }) => void outcomes.push(error) });
  tracker.trackRequest(request, { timeoutMs: 20_000 });
  const startedAt = performance.now();
  const sent = codeOf(send(`unix://${stoppedPath}`, request, { registry }));
  const codes = await Promise.all(Array.from({ length: 20 }, (_, index) => codeOf(tracker.request(`unix://${stoppedPath}`, { task: "echo", args: { key: `k${index}` }, timeoutMs: 20_000 }))));
  expect(new Set([...codes, await sent])).toEqual(new Set(["timeout"]));
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(0.9 * ackTimeoutMs);
  expect(tookMs).toBeLessThan(ackTimeoutMs + 2000);
  expect(await tracker.request(`unix://${otherPath}`, { task: "echo", args: { key: "elsewhere" } })).toEqual({ key: "elsewhere" });

  stopped.child.kill("SIGCONT");
  expect(await tracker.request(`unix://${stoppedPath}`, { task: "echo", args: { key: "later" } })).toEqual({ key: "later" });
  // its connection is gone, so it can't acknowledge what it has read: nothing of it runs, and nobody is told anything
  await expect.poll(async () => tracker.request(`unix://${stoppedPath}`, { task: "status" })).toEqual({ inFlight: 0 });
  expect((await readFile(notesPath, "utf8")).trim().split("\n")).toEqual(["elsewhere", "later"]);
  expect(outcomes).toEqual([]);
  expect(tracker.removeRequest(request)).toBe(true);
});
