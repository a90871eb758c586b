import { NatsServer } from "@acomm/testing";
import { atLeast, atMost, exactly, mebibyte, told } from "../load/finding.ts";
import type { Finding } from "../load/finding.ts";
import { Worker } from "../load/worker.ts";

interface Read {
  readonly outcome: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One long stream between two processes; then one whose writer is killed in the middle. */
export async function longStream({ totalBytes }: { readonly totalBytes: number }): Promise<Finding[]> {
  await using room = new AsyncDisposableStack();
  const server = room.use(await NatsServer.start());
  const [writer, reader] = [room.use(await Worker.start("nats-streams")), room.use(await Worker.start("nats-streams"))];
  const warm = await writer.ask<string>("serve", { server: server.url, totalBytes: 8 * mebibyte });
  await reader.ask("read", { server: server.url, url: warm });
  const before = [await writer.keptMiB(), await reader.keptMiB()] as const;
  await writer.forgetPeak();
  await reader.forgetPeak();
  const url = await writer.ask<string>("serve", { server: server.url, totalBytes });
  const startedAt = performance.now();
  const read = await reader.ask<Read>("read", { server: server.url, url });
  const seconds = (performance.now() - startedAt) / 1000;
  const given = await writer.ask<{ readonly sha256: string; readonly outcome: string }>("given");
  const grown = [(await writer.peakMiB()) - before[0], (await reader.peakMiB()) - before[1]] as const;

  const cutUrl = await writer.ask<string>("serve", { server: server.url, totalBytes });
  const reading = reader.ask<Read>("read", { server: server.url, url: cutUrl });
  while ((await reader.ask<number>("readBytes")) < totalBytes / 10);
  const killedAt = performance.now();
  await writer.kill();
  const cut = await reading;
  return [
    exactly(`bytes of ${totalBytes / mebibyte} MiB missing`, totalBytes - read.bytes, 0),
    exactly("read whole, with the sum of the writer, who knows of it", read.outcome === "whole" && read.sha256 === given.sha256 && given.outcome === "read" ? 1 : 0, 1),
    atMost("peak RSS of the writer grown", grown[0], 64, "MiB"),
    atMost("peak RSS of the reader grown", grown[1], 64, "MiB"),
    told("MiB a second", totalBytes / mebibyte / seconds),
    exactly("truncated_stream at the reader where the writer was killed", cut.outcome === "truncated_stream" ? 1 : 0, 1),
    atLeast("read before that", cut.bytes / mebibyte, totalBytes / mebibyte / 10, "MiB"),
    atMost("until the reader knew", (performance.now() - killedAt) / 1000, 5, "s"),
  ];
}
