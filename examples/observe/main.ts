/** What can be seen of services while they run: failures that nobody is told, the trace of a call, counts. */
import { errorChannelName, openStream, Tracker } from "acomm";
import type { AcommError, ProviderDescription } from "acomm";
import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import createOrders from "./orders.ts";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-observe-"));

// #region channel
// all failures of the process, whichever listener, service or tracker has them
subscribe(errorChannelName, (message) => {
  const { error } = message as { readonly error: AcommError };
  console.log(`channel: ${error.code}`);
});
// #endregion

const orders = createOrders({ socketDir, log: console.log });
await orders.start();
await using tracker = new Tracker();
await tracker.start();
const at = (task: string): string => `unix://${orders.sockets[task] ?? ""}`;

// #region call
const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; // as W3C Trace Context has it, from your tracer
const paid = await tracker.request(at("order"), { task: "order", args: "tea", trace: { traceparent } });
// #endregion
assert.equal(paid, "tea is paid");

const { streamUrl } = await tracker.call(at("bill"), { task: "bill" });
await assert.rejects(text(await openStream(streamUrl ?? "")), { code: "truncated_stream" }); // its reader is told that it is cut, not why

// #region describe
const { health, tasks } = await tracker.request<ProviderDescription>(at("order"), { task: "acomm.describe" });
for (const { task, running, queued, done, failed } of tasks) console.log(`${health}: ${task} ${JSON.stringify({ running, queued, done, failed })}`);
// #endregion

await orders.stop();
await rm(socketDir, { recursive: true });
