import { NatsServer } from "@acomm/testing";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { atMost, exactly, told } from "../load/finding.ts";
import type { Finding } from "../load/finding.ts";
import { msUntil, Worker } from "../load/worker.ts";

/** Requests that are stored; then everything is killed, callers, service and server, and started again. */
export async function killedWhole({ requests }: { readonly requests: number }): Promise<Finding[]> {
  await using room = new AsyncDisposableStack();
  const server = room.use(await NatsServer.start('jetstream { store_dir: "store" }'));
  const effects = join(server.directory, "effects.db");
  const service = { server: server.url, subject: "notes", database: effects, ms: 400, ackWaitMs: 2000 };
  const caller = { server: server.url, subject: "answers", database: join(server.directory, "answers.db"), requests, timeoutMs: 120_000 };

  const first = { service: room.use(await Worker.start("nats-service")), caller: room.use(await Worker.start("nats-caller")) };
  const url = await first.service.ask<string>("serveDurably", service);
  const acknowledged = await first.caller.ask<number>("send", { ...caller, url });
  await Promise.all([first.service.kill(), first.caller.kill(), server.kill()]);
  const done = countOf(effects, "effects");

  await server.restart();
  const startedAt = performance.now();
  const second = { service: room.use(await Worker.start("nats-service")), caller: room.use(await Worker.start("nats-caller")) };
  await second.service.ask("serveDurably", service);
  await second.caller.ask("send", { ...caller, url });
  await msUntil(async () => (await second.caller.ask<number>("answered")) >= requests, 60_000);
  const answered = await second.caller.ask<number>("answered");
  const seconds = (performance.now() - startedAt) / 1000;
  return [
    exactly(`of ${requests} requests acknowledged`, acknowledged, requests),
    told("effects when all was killed", done),
    exactly("answered in the end", answered, requests),
    exactly("effects in the end, each once", countOf(effects, "effects"), requests),
    told("handed out, those that were killed in their handlers twice", countOf(effects, "runs")),
    atMost("until all were answered, once all was started again", seconds, 45, "s"),
  ];
}

function countOf(path: string, table: "effects" | "runs"): number {
  const database = new DatabaseSync(path);
  try {
    return (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { readonly n: number }).n;
  } finally {
    database.close();
  }
}
