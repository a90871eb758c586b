/** A way for messages that knows no byte streams, here the messages between a thread and its worker's port. */
import { acceptedReplyText, decodeAcknowledgement, isAnswer, parseUrl } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createMessageListener, createRegistry, serve } from "@acomm/transport";
import type { ListeningPoint, MessageCarrier, MessageConnection, MessageListenerInit, MessageListenerOptions, MessageWay, OutgoingMessage, Transport } from "@acomm/transport";
import assert from "node:assert/strict";
import { MessageChannel } from "node:worker_threads";

const { port1: here, port2: there } = new MessageChannel();

// the receiver: all that comes by the port is one connection
const limits: MessageListenerOptions = { maxFrameBytes: 64 * 1024, maxBufferedBytes: 1024 * 1024 };
const init: MessageListenerInit = {
  ...limits,
  listen(open): Promise<ListeningPoint> {
    const way: MessageWay = {
      accept: (route) => { there.postMessage({ route, text: acceptedReplyText }); },
      refuse: (text, route) => { there.postMessage({ route, text }); },
      answer: (text, route) => { there.postMessage({ route, text }); },
    };
    const connection: MessageConnection = open(way);
    there.on("message", ({ route, text }: { readonly route: number; readonly text: string }) => { connection.push(text, route); });
    return Promise.resolve({ url: parseUrl("port://worker"), close: () => { connection.end(); } });
  },
};
const listener = createMessageListener(init);
await listener.start();

// the sender: knows each message by a number
const open = new Map<number, OutgoingMessage>();
let last = 0;
const carrier: MessageCarrier = { forget: (message) => { for (const [route, one] of open) if (one === message) open.delete(route); } };
here.on("message", ({ route, text }: { readonly route: number; readonly text: string }) => {
  const message = open.get(route);
  if (message === undefined) return;
  if (isAnswer(text)) {
    open.delete(route);
    message.answered(text);
  } else message.accepted(decodeAcknowledgement(text).reply);
});
const transport: Transport = {
  schemes: ["port"],
  call(_url, message) {
    last += 1;
    message.carrier = carrier;
    open.set(last, message);
    here.postMessage({ route: last, text: message.encode(`m${last}`) });
  },
  send: () => Promise.reject(new Error("every message here has its answer")),
  openStream: () => Promise.reject(new Error("there are no streams here")),
  close: () => Promise.resolve(),
};

const registry = createRegistry([transport]);
const service = serve<number>(listener, ({ args }) => args + 1, { registry });
const tracker = new Tracker({ registry });
await tracker.start();
const sums = await Promise.all([1, 2, 3].map((one) => tracker.request<number>("port://worker", { task: "add-one", args: one, timeoutMs: 2_000 })));
assert.deepEqual(sums, [2, 3, 4]);
assert.equal(open.size, 0);

await tracker.stop();
await service.stop();
here.close();
console.log("message-listener: three calls went through a message port, and none is left open");
