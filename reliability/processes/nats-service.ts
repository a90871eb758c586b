/** Serves at a subject; counts its runs. A durable one notes each effect in a database, once for each request whatever is handed out twice. */
import { admitTargets, createRegistry, serve } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { answer } from "../load/answer.ts";

let runs = 0;

answer({
  async serve({ server, subject }: { readonly server: string; readonly subject: string }) {
    const network = createNatsNetwork({ server });
    const listener = network.createListener(subject);
    await listener.start();
    serve<{ readonly key: number; readonly ms?: number }>(listener, async ({ args }) => {
      runs += 1;
      if (args.ms !== undefined) await wait(args.ms);
      return args.key;
    });
    return listener.url.href;
  },
  runs: () => runs,
  async serveDurably({ server, subject, database, ms, ackWaitMs }: { readonly server: string; readonly subject: string; readonly database: string; readonly ms: number; readonly ackWaitMs: number }) {
    const network = createNatsNetwork({ server });
    const listener = network.createListener(subject, { durable: { ackWaitMs } });
    const effects = new DatabaseSync(database);
    effects.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY); CREATE TABLE IF NOT EXISTS runs (id TEXT)");
    const note = effects.prepare("INSERT INTO effects VALUES (?) ON CONFLICT DO NOTHING");
    const noteRun = effects.prepare("INSERT INTO runs VALUES (?)");
    await listener.start();
    serve(listener, async ({ id, args }) => {
      await wait(ms * Math.random());
      noteRun.run(id);
      note.run(id);
      return args;
    }, { registry: createRegistry([network.transport]), admit: admitTargets({ schemes: ["nats"] }) });
    return listener.url.href;
  },
});
