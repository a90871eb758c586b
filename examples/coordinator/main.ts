/** A coordinator in front of two providers: balanced calls, one that takes over, and a caller over HTTP that is held and hears progress. */
import { Coordinator } from "@acomm/coordinator";
import type { AllowList, CallFigures, CoordinatorAdmissions, CoordinatorDescription, CoordinatorOptions, ProviderSummary, TaskSummary } from "@acomm/coordinator";
import { Provider } from "@acomm/provider";
import { Tracker } from "@acomm/tracker";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-coordinator-"));
const start = async (name: string): Promise<{ stop(): Promise<unknown> }> => {
  const provider = new Provider({ socketDir, name }).task("greet", {}, async ({ args, progress }) => {
    progress("thinking");
    return `hello ${String(args)}, says ${name}`;
  });
  await provider.start();
  return provider;
};
const left = await start("left");
const right = await start("right");

const hooks: AllowList = ["https://hooks.example"]; // where answers may go over HTTP
const admit: CoordinatorAdmissions = { hooks };
const options: CoordinatorOptions = { socketDir, admit, waitForProviderMs: 1_000, http: { tokens: ["a-long-secret"] } };
const coordinator = new Coordinator(options);
await coordinator.start();
const tracker = new Tracker();
await tracker.start();

const answers = await Promise.all(Array.from({ length: 10 }, () => tracker.request(coordinator.url, { task: "greet", args: "Ada", timeoutMs: 2_000 })));
assert.equal(new Set(answers).size, 2, "both have answered");
await left.stop();
assert.equal(await tracker.request(coordinator.url, { task: "greet", args: "Ada", timeoutMs: 2_000 }), "hello Ada, says right");
await assert.rejects(tracker.request(coordinator.url, { task: "great" }), { code: "unknown_task", message: /did you mean greet\?/ });

const post = (more: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(new URL("?wait=5s", coordinator.httpUrl), { method: "POST", headers: { "content-type": "application/json", ...more }, body: JSON.stringify({ id: "1", task: "greet", args: "Bob" }) });
const authorization = "Bearer a-long-secret";
assert.equal((await post({})).status, 401);
assert.deepEqual(await (await post({ authorization })).json(), { error: "", id: "1", result: "hello Bob, says right", stream_url: null });
const events = await (await post({ authorization, accept: "text/event-stream" })).text();
assert.match(events, /^event: progress\ndata: "thinking"\n\nevent: response\ndata: \{"error":"","id":"1","result":"hello Bob, says right"/);

const { tasks } = await tracker.request<CoordinatorDescription>(coordinator.url, { task: "acomm.describe" });
const [greet]: readonly (TaskSummary | undefined)[] = tasks;
const figures: CallFigures | undefined = greet;
const [last]: readonly (ProviderSummary | undefined)[] = greet?.providers ?? [];
assert.deepEqual([greet?.task, figures?.failed, last?.provider, last?.state], ["greet", 0, "right", "ready"]);

await tracker.stop();
await coordinator.stop();
await right.stop();
await rm(socketDir, { recursive: true });
console.log("coordinator:", figures?.done, "calls answered by two providers, of which one left, and over HTTP");
