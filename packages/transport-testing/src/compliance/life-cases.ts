import assert from "node:assert/strict";
import type { CaseBody } from "./compliance.ts";
import { codeOf, createGate, needing, until } from "./bench.ts";
import { isAny, resources, untilFreed } from "./resources.ts";

/** Starting, stopping, and what is left then. */
export const lifeCases: Readonly<Record<string, CaseBody>> = {
  async "a listener may be started and stopped twice, and hands out nothing after its stop"({ network }) {
    const listener = network.createListener();
    await Promise.all([listener.start(), listener.start()]);
    const waiting = listener.nextConnection();
    await Promise.all([listener.stop({ graceMs: 0 }), listener.stop({ graceMs: 0 })]);
    assert.deepEqual([await waiting, await listener.nextConnection()], [undefined, undefined]);
    assert.equal(await codeOf(listener.start()), "stopping");
  },

  async "a service that stops answers what it has accepted, and takes no more"(bench) {
    const gate = createGate();
    const seen: string[] = [];
    const { service, url } = await bench.serve(async ({ id }) => {
      await gate.opened;
      seen.push(id);
      return id;
    });
    const ids = Array.from({ length: 50 }, (_, index) => `m${index}`);
    const calls = bench.canCall ? ids.map((id) => bench.call(url, { id, args: id })) : [];
    if (!bench.canCall) await Promise.all(ids.map((id) => bench.send(url, { id })));
    await until("all are under way", () => service.inFlightCount === ids.length);
    const stopped = service.stop({ graceMs: 10_000 });
    // one of several connections may be closed as it is used, and then nobody knows
    assert.match(await bench.send(url, { id: "late" }), bench.capabilities.includes("order") ? /^(stopping|unavailable)$/ : /^(stopping|unavailable|ambiguous)$/);
    gate.open();
    assert.deepEqual(await stopped, { cut: [], cutConnections: 0 });
    assert.equal(seen.length, ids.length);
    for (const call of calls) assert.equal((await call.answer).error, "");
  },

  async "a service that stops waiting aborts its handlers, says whom it cut, and its callers hear of it"(bench) {
    let aborted = 0;
    const { service, url } = await bench.serve((_request, { signal }) => new Promise(() => { signal.addEventListener("abort", () => { aborted += 1; }); }));
    if (!bench.canCall) await bench.send(url, { id: "a" });
    const call = bench.canCall ? bench.call(url, { id: "a" }) : undefined;
    await until("it is under way", () => service.inFlightCount === 1);
    const { cut } = await service.stop({ graceMs: 20 });
    assert.deepEqual([cut.length, aborted], [1, 1]);
    if (call !== undefined) assert.match(await codeOf(call.answer), /^(ambiguous|stopping)$/);
  },

  async "a transport that is closed fails what is on its way with stopping, and what comes later"(bench) {
    const { transport } = bench.network;
    const { url } = await bench.listen();
    const given = [bench.send(url, { id: "a" }), ...(bench.canCall ? [codeOf(bench.call(url, { id: "b" }).answer)] : [])];
    await transport.close();
    await transport.close();
    given.push(bench.send(url, { id: "c" }), ...(bench.canCall ? [codeOf(bench.call(url, { id: "d" }).answer)] : []));
    assert.deepEqual(new Set(await Promise.all(given)), new Set(["stopping"]));
  },

  "a caller that goes away aborts the handlers that were to answer it": needing(["answers"], async (bench) => {
    let aborted = 0;
    const { service, url } = await bench.serve((_request, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        aborted += 1;
        resolve(null);
      });
    }));
    for (let index = 0; index < 10; index += 1) bench.call(url, { id: `c${index}` });
    await until("all are under way", () => service.inFlightCount === 10);
    await bench.network.transport.close();
    await until("all handlers have heard of it", () => aborted === 10 && service.inFlightCount === 0);
  }),

  async "when all is stopped nothing is left: no handle, no timer, no file"(bench) {
    const { network } = bench;
    const before = resources(isAny);
    const gate = createGate();
    const { service, url } = await bench.serve(({ id }) => (id === "stuck" ? gate.opened : id));
    for (let index = 0; index < 20; index += 1) {
      await bench.send(url, { id: `m${index}` });
      if (bench.canCall) await bench.call(url, { id: `c${index}` }).answer;
    }
    await bench.send(url, { id: "stuck" });
    await bench.send(url, { id: "late" }, { signal: AbortSignal.timeout(1) });
    const quiet = await bench.listen();
    await bench.send(quiet.url, { id: "unread" }, { timeoutMs: 20 });
    await service.stop({ graceMs: 20 });
    await quiet.listener.stop({ graceMs: 20 });
    await network.transport.close();
    await untilFreed(before, isAny);
    assert.deepEqual(await network.left?.() ?? [], []);
    gate.open();
  },
};
