import { Dealer, Router } from "zeromq";
import type { MessageLike, Writable } from "zeromq";
import type { Caller } from "../contestant.ts";

// no limits: the calls in flight are what is queued at most
const limits = { sendHighWaterMark: 0, receiveHighWaterMark: 0 };

/** A dealer and a router, each message with the number of its call. */
export async function serve(socketPath: string): Promise<void> {
  const router = new Router(limits);
  await router.bind(`ipc://${socketPath}`);
  void answerAll(router);
}

async function answerAll(router: Router): Promise<void> {
  const handle = async (args: unknown): Promise<unknown> => args;
  const say = sendInTurn(router);
  for await (const [client, id, message] of router) {
    if (client === undefined || id === undefined || message === undefined) continue;
    void handle(JSON.parse(message.toString("utf8"))).then((result) => { say([client, id, JSON.stringify(result)]); });
  }
}

export async function connect(socketPath: string): Promise<Caller> {
  const dealer = new Dealer(limits);
  dealer.connect(`ipc://${socketPath}`);
  const pending = new Map<number, (result: unknown) => void>();
  const say = sendInTurn(dealer);
  let count = 0;
  void takeAll(dealer, (id, result) => {
    pending.get(id)?.(result);
    pending.delete(id);
  });
  return {
    call: (args) =>
      new Promise((resolve) => {
        count += 1;
        pending.set(count, resolve);
        say([String(count), JSON.stringify(args)]);
      }),
    async close() {
      dealer.close();
    },
  };
}

async function takeAll(dealer: Dealer, take: (id: number, result: unknown) => void): Promise<void> {
  for await (const [id, message] of dealer) {
    if (id === undefined || message === undefined) continue;
    take(Number(id.toString("latin1")), JSON.parse(message.toString("utf8")));
  }
}

/** A socket takes one message at a time, and the next when that one is queued. */
function sendInTurn(socket: Writable<MessageLike[]>): (message: MessageLike[]) => void {
  let outbox: MessageLike[][] = [];
  let sending = false;
  const sendAll = async (): Promise<void> => {
    sending = true;
    while (outbox.length > 0) {
      const messages = outbox;
      outbox = [];
      for (const message of messages) await socket.send(message);
    }
    sending = false;
  };
  return (message) => {
    outbox.push(message);
    if (!sending) void sendAll();
  };
}
