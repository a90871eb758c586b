import { AcommError, createRequest } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createHttpTransport, createRegistry, createUnixTransport, send, serve, UnixListener } from "@acomm/transport";
import { startFaultProxy } from "@acomm/transport-testing";
import type { DirectionFaults, FaultProxy } from "@acomm/transport-testing";
import { temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

let directory: TemporaryDirectory;
let tracker: Tracker;
let servicePath: string;
/** How often the handler ran for the arguments. */
let runs: Map<unknown, number>;

beforeEach(async () => {
  directory = await temporaryDirectory();
  servicePath = directory.socket("service");
  runs = new Map();
  // what stands in between may lose what was written: both sides are told so
  const registries = [0, 1].map(() => createRegistry([createUnixTransport({ isLossy: true }), createHttpTransport()]));
  tracker = new Tracker({ socketPath: directory.socket("tracker"), registry: registries[0] });
  await tracker.start();
  const listener = new UnixListener(servicePath);
  await listener.start();
  const service = serve(listener, ({ args }) => {
    runs.set(args, (runs.get(args) ?? 0) + 1);
    return args;
  }, { registry: registries[1] });
  onTestFinished(async () => {
    await Promise.all([tracker.stop({ graceMs: 0 }), service.stop({ graceMs: 0 })]);
    await Promise.all(registries.map((registry) => registry.close()));
    await directory[Symbol.asyncDispose]();
  });
});

const codeOf = (error: unknown): string => (error instanceof AcommError ? error.code : String(error));
const ask = (url: string, args: string): Promise<string> => tracker.request(url, { task: "t", args, timeoutMs: 5000 }).then((result) => (result === args ? "answered" : "wrong"), codeOf);

/** Runs `call` through a proxy that cuts its first connection after each number of bytes of it, and gives what became of each. */
async function cutEverywhere(target: string, direction: "toTarget" | "toClient", cut: DirectionFaults["cut"], warmUp: (proxy: FaultProxy) => Promise<void>, call: (proxy: FaultProxy, args: string) => Promise<string>): Promise<Map<string, number>> {
  const passed = ({ bytesToTarget, bytesToClient }: FaultProxy): number => (direction === "toTarget" ? bytesToTarget : bytesToClient);
  const through = async (name: string, cutAfterBytes?: number): Promise<{ readonly code: string; readonly from: number; readonly to: number }> => {
    await using proxy = await startFaultProxy(directory.socket(name), { target, plan: (index) => (index > 0 ? {} : { [direction]: { cutAfterBytes, cut } }) });
    await warmUp(proxy);
    const from = passed(proxy);
    return { code: await call(proxy, name), from, to: passed(proxy) };
  };
  const { code, from, to } = await through("whole"); // as long a name as those below
  expect(code).toBe("answered");
  expect(to).toBeGreaterThan(from + 40);
  const outcomes = new Map<string, number>();
  const first = from === 0 ? 0 : from + 1; // a cut after what came before would come before the call
  await Promise.all(Array.from({ length: to - first + 1 }, async (_, index) => {
    const name = `c${String(index).padStart(4, "0")}`;
    const outcome = await through(name, first + index);
    outcomes.set(outcome.code, (outcomes.get(outcome.code) ?? 0) + 1);
    const count = runs.get(name) ?? 0;
    expect([name, outcome.code, count]).toEqual([name, outcome.code, outcome.code === "answered" ? 1 : outcome.code === "unavailable" ? 0 : Math.min(count, 1)]);
  }));
  return outcomes;
}

const nothing = (): Promise<void> => Promise.resolve();
const warm = async (proxy: FaultProxy): Promise<void> => { expect(await ask(proxy.url.href, "warm")).toBe("answered"); };

/** A cut shows, as one of these. */
function expectOnly(outcomes: ReadonlyMap<string, number>, codes: readonly string[]): void {
  expect([...outcomes.keys()].filter((code) => !codes.includes(code))).toEqual([]);
  expect([...outcomes.keys()].some((code) => code !== "answered")).toBe(true);
}

describe.each(["toTarget", "toClient"] as const)("F2 a connection that is cut after every number of bytes %s", (direction) => {
  for (const cut of ["destroy", "end"] as const) {
    test(`by ${cut}, towards a peer that is not known: each call has one outcome, and runs once at most`, async () => {
      const outcomes = await cutEverywhere(servicePath, direction, cut, nothing, (proxy, args) => ask(proxy.url.href, args));
      expectOnly(outcomes, ["ambiguous", "bad_frame", "unavailable", "answered"]);
      expect(tracker.pendingCount).toBe(0);
    });

    test(`by ${cut}, that was kept: each call has one outcome, and runs once at most`, async () => {
      const outcomes = await cutEverywhere(servicePath, direction, cut, warm, (proxy, args) => ask(proxy.url.href, args));
      expectOnly(outcomes, ["ambiguous", "bad_frame", "unavailable", "answered"]);
      expect(tracker.pendingCount).toBe(0);
    });
  }

  test("on its way to the hook: the response is sent again, and counts once", async () => {
    const outcomes = await cutEverywhere(tracker.address, direction, "destroy", nothing, (proxy, args) => new Promise((resolve) => {
      let count = 0;
      const settle = (code: string): void => {
        count += 1;
        // whoever were told a second time would be so within the same turns
        setTimeout(() => { resolve(count === 1 ? code : `told ${count} times`); }, 20);
      };
      const request = createRequest({ task: "t", args, responseHook: proxy.url, onSuccess: () => { settle("answered"); }, onError: (_request, { error }) => { settle(error); } });
      tracker.trackRequest(request, { timeoutMs: 5000 });
      void send(`unix://${servicePath}`, request);
    }));
    expect([...outcomes.keys()]).toEqual(["answered"]);
    expect(tracker.pendingCount).toBe(0);
  });
});

test("F2 an acknowledgement that is lost as a whole, on a connection that was kept: ambiguous, and not sent again", async () => {
  await using whole = await startFaultProxy(directory.socket("whole"), { target: servicePath });
  await warm(whole);
  await using proxy = await startFaultProxy(directory.socket("proxy"), { target: servicePath, plan: { toClient: { stallAfterBytes: whole.bytesToClient } } });
  await warm(proxy);
  const call = ask(proxy.url.href, "once");
  await expect.poll(() => runs.get("once")).toBe(1);
  proxy.cut();
  expect(await call).toBe("ambiguous");
  expect([runs.get("once"), proxy.connectionCount]).toEqual([1, 1]);
});
