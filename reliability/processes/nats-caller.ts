/** Sends requests to a durable service, and notes in a database which were acknowledged and which answered, so that another one may go on. */
import { createRequest } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createRegistry, send } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import { DatabaseSync } from "node:sqlite";
import { answer } from "../load/answer.ts";

let answers: DatabaseSync | undefined;

const count = (): number => (answers?.prepare("SELECT count(DISTINCT id) AS n FROM answers").get() as { readonly n: number } | undefined)?.n ?? 0;

answer({
  /** Tracks those of the requests that have no answer yet, and sends them, be it again: gives how many were acknowledged. */
  async send({ server, url, subject, database, requests, timeoutMs }: { readonly server: string; readonly url: string; readonly subject: string; readonly database: string; readonly requests: number; readonly timeoutMs: number }) {
    const db = new DatabaseSync(database);
    answers = db;
    db.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS answers (id TEXT, result TEXT)");
    const note = db.prepare("INSERT INTO answers VALUES (?, ?)");
    const known = new Set((db.prepare("SELECT id FROM answers").all() as { readonly id: string }[]).map(({ id }) => id));
    const network = createNatsNetwork({ server });
    const registry = createRegistry([network.transport]);
    const tracker = new Tracker({ registry, listener: network.createListener(subject, { durable: true }) });
    await tracker.start();
    const open = Array.from({ length: requests }, (_, index) => `r${index}`).filter((id) => !known.has(id)).map((id) => createRequest({
      id, task: "note", args: id, responseHook: tracker.url,
      onSuccess: (_request, { result }) => { note.run(id, String(result)); },
    }));
    for (const request of open) tracker.trackRequest(request, { timeoutMs });
    const sent = await Promise.allSettled(open.map((request) => send(url, request, { registry })));
    return sent.filter(({ status }) => status === "fulfilled").length;
  },
  answered: () => count(),
});
