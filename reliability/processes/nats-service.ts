/** Serves a task on a NATS server, as a provider; counts its runs. A durable one notes each effect in a database, once for each request whatever is handed out twice. */
import { Provider } from "@acomm/provider";
import { taskAddress } from "@acomm/tracker";
import { admitTargets, createRegistry, serve } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { answer } from "../load/answer.ts";

let runs = 0;

answer({
  async serve({ server, name }: { readonly server: string; readonly name: string }) {
    const network = createNatsNetwork({ server });
    const provider = new Provider({ network, name }).task("t", {}, async ({ args }) => {
      const { key, ms } = args as { readonly key: number; readonly ms?: number };
      runs += 1;
      if (ms !== undefined) await wait(ms);
      return key;
    });
    await provider.start();
    return network.urlOf(taskAddress("t")).href;
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
