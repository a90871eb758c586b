import { acceptedReplyText, acceptedText, createRequest, encodeRequest } from "@acomm/protocol";
import assert from "node:assert/strict";
import type { CaseBody } from "./compliance.ts";
import { ComplianceBench, createGate, needing, stillness, until } from "./bench.ts";

/** Messages, their acknowledgements and their answers. */
export const messageCases: Readonly<Record<string, CaseBody>> = {
  async "its schemes are those of its listeners, and it has what it declares"(bench) {
    const { url } = await bench.listen();
    const { network } = bench;
    const found = { answers: network.transport.call !== undefined, probe: network.transport.probe !== undefined, streams: network.serveStream !== undefined };
    for (const [capability, has] of Object.entries(found)) assert.equal(bench.capabilities.some((declared) => declared === capability), has, `${capability} must be declared where it is there, and only there`);
    assert.ok(bench.network.transport.schemes.includes(url.protocol.slice(0, -1)), `${url.href} is of none of its schemes`);
  },

  async "a message is acknowledged before its handler is done"(bench) {
    const gate = createGate();
    const seen: unknown[] = [];
    const { service, url } = await bench.serve(async ({ args }) => {
      await gate.opened;
      seen.push(args);
    });
    assert.equal(await bench.send(url, { id: "a", args: ["é", 1] }), "accepted");
    assert.deepEqual([seen, service.inFlightCount], [[], 1]);
    gate.open();
    await until("the handler has run", () => seen.length === 1);
    assert.deepEqual(seen, [["é", 1]]);
  },

  async "a message that can't be read is refused with its code, and the next is taken"(bench) {
    const { url } = await bench.serve(() => null);
    assert.equal(await bench.sendText(url, '{"id":""}'), "bad_field");
    assert.equal(await bench.sendText(url, "[]"), "bad_json");
    assert.equal(await bench.send(url, { id: "a" }), "accepted");
  },

  async "a service that has enough refuses with overloaded, and takes more later"(bench) {
    const gate = createGate();
    const { service, url } = await bench.serve(() => gate.opened, { maxInFlight: 1 });
    assert.equal(await bench.send(url, { id: "a" }), "accepted");
    assert.equal(await bench.send(url, { id: "b" }), "overloaded");
    gate.open();
    await until("the first is done", () => service.inFlightCount === 0);
    assert.equal(await bench.send(url, { id: "c" }), "accepted");
  },

  "messages that one sender sends to an address that it knows arrive in their order": needing(["order"], async (bench) => {
    const seen: string[] = [];
    const { url } = await bench.serve(({ id }) => { seen.push(id); });
    const ids = Array.from({ length: 300 }, (_, index) => `m${index}`);
    await bench.send(url, { id: "first" });
    await Promise.all(ids.map((id) => bench.send(url, { id })));
    await until("all have run", () => seen.length === 301);
    assert.deepEqual(seen, ["first", ...ids]);
  }),

  async "a thousand at once to an address that nobody knows arrive once each"(bench) {
    const seen: string[] = [];
    const { url } = await bench.serve(({ id }) => { seen.push(id); });
    const ids = Array.from({ length: 1000 }, (_, index) => `m${index}`);
    const acks = await Promise.all(ids.map((id) => bench.send(url, { id })));
    await until("all have run", () => seen.length >= ids.length);
    await stillness(() => seen.length); // none runs a second time
    assert.deepEqual([acks.every((ack) => ack === "accepted"), seen.toSorted()], [true, ids.toSorted()]);
  },

  async "a message may be as long as the limit, arrives as it is, and one byte more is frame_too_large"(bench) {
    const seen: unknown[] = [];
    const { url } = await bench.serve(({ args }) => { seen.push(args); });
    const prefix = "ä€😀";
    const around = Buffer.byteLength(encodeRequest(createRequest({ task: "t", id: "a", args: prefix })));
    const args = `${prefix}${"x".repeat(ComplianceBench.maxFrameBytes - around)}`;
    assert.equal(await bench.send(url, { id: "a", args }), "accepted");
    await until("it has run", () => seen.length === 1);
    assert.ok(seen[0] === args, "the argument must arrive as it was sent");
    assert.equal(await bench.send(url, { id: "a", args: `${args}x` }), "frame_too_large");
    assert.equal(await bench.send(url, { id: "b" }), "accepted");
  },

  "each request gets its own answer on its connection, in whatever order the answers come": needing(["answers"], async (bench) => {
    const waiting: (() => void)[] = [];
    const { url } = await bench.serve(({ args }) => new Promise((resolve) => { waiting.push(() => { resolve(args); }); }));
    const calls = Array.from({ length: 500 }, (_, args) => bench.call(url, { id: `c${args}`, args }));
    await until("all wait", () => waiting.length === calls.length);
    for (const answer of waiting.toReversed()) answer();
    const results = (await Promise.all(calls.map((call) => call.answer))).map(({ result }) => result);
    assert.deepEqual(results, calls.map((_, index) => index));
  }),

  "progress comes before the answer, in its order": needing(["answers"], async (bench) => {
    const { url } = await bench.serve(async (_request, { progress }) => {
      for (let step = 0; step < 10; step += 1) {
        progress({ step });
        await new Promise((resolve) => setImmediate(resolve));
      }
      return "done";
    });
    const call = bench.call(url, { id: "a" });
    assert.equal((await call.answer).result, "done");
    assert.deepEqual(call.progress, Array.from({ length: 10 }, (_, step) => ({ step })));
  }),

  "an answer may be an error, or as long as the limit; one that is longer says so": needing(["answers"], async (bench) => {
    const { url } = await bench.serve(({ args }) => {
      if (args === "fail") throw new Error("no luck");
      return "x".repeat(args as number);
    });
    assert.equal((await bench.call(url, { id: "a", args: "fail" }).answer).error, "no luck");
    assert.equal((await bench.call(url, { id: "b", args: ComplianceBench.maxFrameBytes - 1000 }).answer).error, "");
    assert.match((await bench.call(url, { id: "c", args: ComplianceBench.maxFrameBytes }).answer).error, /^frame_too_large: /);
  }),

  "where a receiver reads no more, no more messages are written down for it": needing(["answers"], async (bench) => {
    const { listener, url } = await bench.listen();
    const first = bench.call(url, { id: "first" });
    const connection = await bench.receive(listener);
    connection.enqueueAcknowledgement(acceptedReplyText);
    connection.flush();
    await first.acceptance;
    const args = "x".repeat(ComplianceBench.maxFrameBytes / 2);
    const calls = Array.from({ length: 400 }, (_, index) => bench.call(url, { id: `c${index}`, args }));
    const encoded = (): number => calls.filter((call) => call.isEncoded).length;
    const held = await stillness(encoded);
    assert.ok(held < calls.length / 2, `${held} messages of ${args.length} characters were written for a receiver that reads none`);
    for (let read = 0; read < calls.length; read += 1) {
      assert.ok((await connection.read({ timeoutMs: 5000 })) !== undefined, `message ${read} must come once there is room`);
      connection.enqueueAcknowledgement(acceptedText);
    }
    listener.doneConnection(connection);
    await Promise.all([first, ...calls].map((call) => assert.rejects(call.answer, { code: "ambiguous" })));
  }),
};
