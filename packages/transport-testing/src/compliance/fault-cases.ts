import { acceptedReplyText } from "@acomm/protocol";
import assert from "node:assert/strict";
import type { CaseBody } from "./compliance.ts";
import { codeOf, createGate, needing, until } from "./bench.ts";

/** Callers that give up, and peers that are not there or vanish. */
export const faultCases: Readonly<Record<string, CaseBody>> = {
  async "where nobody listens any more it is unavailable: for a message, a call, a stream, a probe"(bench) {
    const { listener, url } = await bench.listen();
    const { transport } = bench.network;
    if (transport.probe !== undefined) assert.equal(await transport.probe(url), true);
    await listener.stop({ graceMs: 0 });
    assert.equal(await bench.send(url, { id: "a" }), "unavailable");
    if (bench.canCall) assert.equal(await codeOf(bench.call(url, { id: "b" }).answer), "unavailable");
    if (bench.capabilities.includes("streams")) assert.equal(await codeOf(transport.openStream(url, { timeoutMs: 5000 })), "unavailable");
    if (transport.probe !== undefined) assert.equal(await transport.probe(url), false);
  },

  async "a message that is given up before it is sent is cancelled, and never arrives"(bench) {
    const seen: string[] = [];
    const { url } = await bench.serve(({ id }) => { seen.push(id); });
    assert.equal(await bench.send(url, { id: "aborted" }, { signal: AbortSignal.abort() }), "cancelled");
    await bench.send(url, { id: "b" });
    await until("the second has run", () => seen.length > 0);
    assert.deepEqual(seen, ["b"]);
  },

  async "a message that is given up while it connects is cancelled, and the next arrives"(bench) {
    const seen: string[] = [];
    const { url } = await bench.serve(({ id }) => { seen.push(id); });
    const controller = new AbortController();
    const given = bench.send(url, { id: "a" }, { signal: controller.signal });
    controller.abort();
    assert.equal(await given, "cancelled");
    assert.equal(await bench.send(url, { id: "b" }), "accepted");
    await until("the second has run", () => seen.includes("b"));
  },

  async "a message that is given up while it waits for its acknowledgement is cancelled, or has timed out"(bench) {
    const { listener, url } = await bench.listen();
    const controller = new AbortController();
    const given = bench.send(url, { id: "a" }, { signal: controller.signal });
    await bench.receive(listener);
    controller.abort();
    assert.equal(await given, "cancelled");
    assert.equal(await bench.send(url, { id: "b" }, { timeoutMs: 50 }), "timeout");
  },

  async "a message that is given up after its acknowledgement runs all the same"(bench) {
    const gate = createGate();
    const seen: string[] = [];
    const { url } = await bench.serve(async ({ id }) => {
      await gate.opened;
      seen.push(id);
    });
    const controller = new AbortController();
    await bench.send(url, { id: "a" }, { signal: controller.signal });
    controller.abort();
    gate.open();
    await until("it has run", () => seen.length === 1);
  },

  async "a wait that no timer can be armed with is bad_field"(bench) {
    const { url } = await bench.serve(() => null);
    for (const timeoutMs of [Number.NaN, -1, 0, 2 ** 31]) assert.equal(await bench.send(url, { id: "a" }, { timeoutMs }), "bad_field");
  },

  async "a peer that has read a message and vanishes leaves it ambiguous, not unavailable: it may have run"(bench) {
    const { listener, url } = await bench.listen();
    const given = bench.send(url, { id: "a" });
    const connection = await bench.receive(listener);
    connection.destroy();
    assert.equal(await given, "ambiguous");
  },

  "a call that is taken back before it was accepted, or after, is not answered, and its handler's signal aborts": needing(["answers"], async (bench) => {
    const seen: string[] = [];
    let aborted = 0;
    const { service, url } = await bench.serve(({ args }, { signal }) => new Promise((resolve) => {
      seen.push(String(args));
      signal.addEventListener("abort", () => {
        aborted += 1;
        resolve(null);
      });
    }));
    const early = bench.call(url, { id: "early", args: "early" });
    early.cancel();
    assert.equal(await codeOf(early.answer), "cancelled");
    const late = bench.call(url, { id: "late", args: "late" });
    await late.acceptance;
    await until("it is under way", () => seen.includes("late"));
    late.cancel();
    await until("the handlers have heard of it", () => aborted === seen.length && service.inFlightCount === 0);
    assert.equal(await codeOf(late.answer), "cancelled");
  }),

  "a peer that has accepted a request and vanishes settles it at once, as ambiguous": needing(["answers"], async (bench) => {
    const { listener, url } = await bench.listen();
    const calls = [bench.call(url, { id: "first" })];
    const connection = await listener.nextConnection();
    assert.ok(connection !== undefined);
    for (let read = 0; read < 20; read += 1) {
      assert.ok((await connection.read({ timeoutMs: 5000 })) !== undefined, "each request must come here");
      connection.enqueueAcknowledgement(acceptedReplyText);
      connection.flush();
      if (read === 0) await calls[0]?.acceptance;
      if (read < 19) calls.push(bench.call(url, { id: `c${read}` }));
    }
    await Promise.all(calls.map(({ acceptance }) => acceptance));
    connection.destroy();
    for (const call of calls) assert.equal(await codeOf(call.answer), "ambiguous");
  }),

  async "an address that takes nothing doesn't hold up another"(bench) {
    const stuck = await bench.listen();
    const { url } = await bench.serve(() => null);
    const waiting = Array.from({ length: 50 }, (_, index) => bench.send(stuck.url, { id: `s${index}` }, { timeoutMs: 500 }));
    const acks = await Promise.all(Array.from({ length: 50 }, (_, index) => bench.send(url, { id: `m${index}` })));
    assert.ok(acks.every((ack) => ack === "accepted"));
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["timeout"]));
  },
};
