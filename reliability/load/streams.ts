import { readdir } from "node:fs/promises";
import type { Patience } from "./connections.ts";
import { atLeast, atMost, exactly, mebibyte, told } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { Room } from "./room.ts";
import { msUntil } from "./worker.ts";
import type { Worker } from "./worker.ts";

interface Pulled {
  /** Out of the source that most was pulled out of. */
  readonly mostBytes: number;
  /** How many sources anything was pulled out of. */
  readonly opened: number;
}

/** How long it takes until nothing is pulled out of any source any more: all buffers on the way are full then. */
async function heldBackMs(writer: Worker, streams: number): Promise<number> {
  let last = -1;
  return msUntil(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { mostBytes, allBytes, opened } = await writer.ask<Pulled & { readonly allBytes: number }>("pulled");
    const isStill = opened === streams && allBytes === last && mostBytes > 0;
    last = allBytes;
    return isStill;
  }, 20_000);
}

/** Many readers connect to streams of a GiB each, some at a time, and take nothing. */
export async function stalledReaders({ readers, atOnce = 10, patience = 1 }: Patience & { readonly readers: number; readonly atOnce?: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const [writer, reader] = [await room.worker("load-streams"), await room.worker("load-streams")];
  const [warm = ""] = await writer.ask<string[]>("serve", { directory: room.path, count: 1, totalBytes: 8 * mebibyte });
  await reader.ask("readSlowly", { url: warm, totalBytes: 8 * mebibyte });
  await writer.ask("outcomes");
  const { descriptors } = await writer.holdings();
  const before = await writer.keptMiB();
  await writer.forgetPeak();
  let stillMs = 0;
  for (let connected = 0; connected < readers; connected += atOnce) {
    const urls = await writer.ask<string[]>("serve", { directory: room.path, count: Math.min(atOnce, readers - connected), totalBytes: 1024 * mebibyte });
    await reader.ask("stall", { urls });
    stillMs = Math.max(stillMs, await heldBackMs(writer, connected + urls.length));
    await writer.ask("collect"); // what the kernel has taken is not the writer's any more
  }
  const { mostBytes } = await writer.ask<Pulled>("pulled");
  const grownMiB = (await writer.keptMiB()) - before;
  const peakMiB = await writer.peakMiB();
  const cpuPercent = await writer.cpuPercentDuring(new Promise((resolve) => setTimeout(resolve, 500)));
  await reader.ask("leave");
  const outcomes = await writer.ask<Record<string, number>>("outcomes");
  return [
    atMost("RSS of the writer grown", grownMiB, 40, "MiB"),
    atMost("at its peak, with what is not collected yet", peakMiB - before, 80, "MiB"),
    atMost("pulled out of a source at most, what the kernel has taken included", mostBytes / mebibyte, 1.5, "MiB"),
    atMost("until all were held back", stillMs / 1000, 10 * patience, "s"),
    atMost("CPU while they are", cpuPercent, 20, "%"),
    exactly("ended with truncated_stream once the readers left", outcomes["truncated_stream"] ?? 0, readers),
    atMost("descriptors back", (await writer.descriptorsBackMs(descriptors)) / 1000, 2 * patience, "s"),
  ];
}

/** One reader that takes its stream slowly: the writer waits for it, all the time. */
export async function slowReader({ totalBytes }: { readonly totalBytes: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const [writer, reader] = [await room.worker("load-streams"), await room.worker("load-streams")];
  const [url = ""] = await writer.ask<string[]>("serve", { directory: room.path, count: 1, totalBytes });
  let isOver = false;
  const reading = reader.ask<boolean>("readSlowly", { url, totalBytes }).finally(() => {
    isOver = true;
  });
  const aheadMiB: number[] = [];
  while (!(isOver as boolean)) {
    // what is read is asked first: what the writer pulls meanwhile counts against it
    const read = await reader.ask<number>("readSoFar");
    const { mostBytes } = await writer.ask<Pulled>("pulled");
    aheadMiB.push((mostBytes - read) / mebibyte);
  }
  return [
    exactly("read whole", (await reading) ? 1 : 0, 1),
    atLeast("looked at", aheadMiB.length, 20),
    atMost("the writer ahead of its reader, kernel included", Math.max(...aheadMiB), 4, "MiB"),
  ];
}

/** Streams that nobody ever opens. */
export async function unopenedStreams({ streams, openTimeoutMs, patience = 1 }: Patience & { readonly streams: number; readonly openTimeoutMs: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const writer = await room.worker("load-streams");
  const [warm = ""] = await writer.ask<string[]>("serve", { directory: room.path, count: 1, totalBytes: mebibyte });
  await writer.ask("readSlowly", { url: warm, totalBytes: mebibyte });
  await writer.ask("outcomes");
  const before = await writer.remains();
  const { descriptors } = await writer.holdings();
  const startedAt = performance.now();
  await writer.ask("serve", { directory: room.path, count: streams, totalBytes: 1024 * mebibyte, openTimeoutMs });
  const servedMs = performance.now() - startedAt;
  const held = (await writer.holdings()).descriptors - descriptors;
  const outcomes = await writer.ask<Record<string, number>>("outcomes");
  const goneMs = performance.now() - startedAt;
  const after = await writer.remains();
  return [
    exactly("streams that wait at once", held, streams),
    exactly("ended with timeout", outcomes["timeout"] ?? 0, streams),
    atMost("after their time", (goneMs - openTimeoutMs - servedMs) / 1000, 2 * patience, "s"),
    atMost("descriptors back", (await writer.descriptorsBackMs(descriptors)) / 1000, 2 * patience, "s"),
    exactly("files left", (await readdir(room.path)).length, 0),
    atMost("timers more than before", after.timers - before.timers, 0),
    atMost("servers more than before", after.servers - before.servers, 0),
    told("served after", servedMs / 1000, "s"),
  ];
}

/** Many streams of one writer, all read at the same time. */
export async function manyStreams({ streams, totalBytes, patience = 1 }: Patience & { readonly streams: number; readonly totalBytes: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const [writer, reader] = [await room.worker("load-streams"), await room.worker("load-streams")];
  const before = await writer.keptMiB();
  const [{ descriptors }, { descriptors: readerDescriptors }] = await Promise.all([writer.holdings(), reader.holdings()]);
  const urls = await writer.ask<string[]>("serve", { directory: room.path, count: streams, totalBytes });
  const startedAt = performance.now();
  const read = await reader.ask<number>("readAll", { urls });
  const tookMs = performance.now() - startedAt;
  const outcomes = await writer.ask<Record<string, number>>("outcomes");
  return [
    exactly("read to the end", outcomes["read"] ?? 0, streams),
    exactly("bytes missing", streams * totalBytes - read, 0),
    atMost("peak RSS of the writer grown", (await writer.peakMiB()) - before, 256, "MiB"),
    atMost("descriptors back", (await writer.descriptorsBackMs(descriptors)) / 1000, 2 * patience, "s"),
    atMost("descriptors of the reader back", (await reader.descriptorsBackMs(readerDescriptors)) / 1000, 2 * patience, "s"),
    exactly("files left", (await readdir(room.path)).length, 0),
    told("MiB a second", read / mebibyte / (tookMs / 1000)),
  ];
}
