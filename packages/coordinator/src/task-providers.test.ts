import { describe, expect, test, vi } from "vitest";
import { FoundProvider } from "./found-provider.ts";
import { TaskProviders } from "./task-providers.ts";

const never = new AbortController().signal;

async function withProviders(...priorities: readonly number[]): Promise<{ readonly providers: TaskProviders; readonly found: FoundProvider[] }> {
  const providers = new TaskProviders("t", () => Promise.resolve(true));
  const found = priorities.map((priority, index) => new FoundProvider({ priority, provider: `p${index}` }, `unix:///p${index}`, String(index)));
  for (const provider of found) await providers.add(`${provider.provider}.sock`, provider);
  return { providers, found };
}

describe("the provider that is asked", () => {
  test("is one of the lowest priority, by number and not by text", async () => {
    const { providers, found } = await withProviders(100, 20, 20, 3);
    expect(providers.choose()).toBe(found[3]);
    expect(providers.choose(new Set([found[3]!]))?.priority).toBe(20);
    expect(providers.choose(new Set(found.slice(1)))).toBe(found[0]);
    expect(providers.choose(new Set(found))).toBeUndefined();
    expect(providers.all().map(({ priority }) => priority)).toEqual([3, 20, 20, 100]);
  });

  test("is the one with the fewest calls in flight, and of equals each in turn", async () => {
    const { providers, found } = await withProviders(50, 50, 50);
    const chosen = new Map<FoundProvider | undefined, number>();
    for (let index = 0; index < 300; index += 1) chosen.set(providers.choose(), (chosen.get(providers.choose()) ?? 0) + 1);
    found[0]!.inFlight = 5;
    found[1]!.inFlight = 4;
    found[2]!.inFlight = 6;
    expect(providers.choose()).toBe(found[1]);
    for (let index = 0; index < 30; index += 1) providers.choose()!.inFlight += 1;
    expect(found.map(({ inFlight }) => inFlight)).toEqual([15, 15, 15]);
    expect(chosen.size).toBe(3);
  });

  test("is one on this machine where another one is no better", async () => {
    const { providers, found } = await withProviders(50, 50);
    const elsewhere = new FoundProvider({ priority: 50, provider: "far" }, "net://far", "far", { host: "other", isIdempotent: true });
    await providers.add("network:far", elsewhere);
    expect(await elsewhere.isIdempotent).toBe(true);
    for (let index = 0; index < 10; index += 1) expect(providers.choose()).not.toBe(elsewhere);
    for (const provider of found) provider.inFlight = 1;
    expect(providers.choose()).toBe(elsewhere);
  });

  test("is none that was removed, and another one where its file is another one", async () => {
    const { providers, found } = await withProviders(1, 2);
    providers.remove("p0.sock");
    expect(providers.choose()).toBe(found[1]);
    const replaced = new FoundProvider({ priority: 2, provider: "p1" }, "unix:///p1", "other");
    await providers.add("p1.sock", replaced);
    expect(providers.choose()).toBe(replaced);
    expect(found.map(({ state }) => state)).toEqual(["gone", "gone"]);
  });
});

describe("a provider that failed", () => {
  test("is set aside with growing pauses until it is there again, and from the first one after a call that succeeds", async () => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    try {
      const checks: number[] = [];
      let isThere = true;
      const startedAt = Date.now();
      const providers = new TaskProviders("t", () => {
        checks.push(Date.now() - startedAt);
        return Promise.resolve(isThere);
      });
      const provider = new FoundProvider({ priority: 1, provider: "p" }, "unix:///p", "1");
      await providers.add("p.sock", provider);
      isThere = false;
      providers.setAside(provider, false);
      providers.setAside(provider, false); // as many calls fail at once
      expect(providers.choose()).toBeUndefined();
      await vi.advanceTimersByTimeAsync(20_000);
      expect(checks).toEqual([0, 100, 300, 700, 1500, 3100, 6300, 11_300, 16_300]);
      isThere = true;
      await vi.advanceTimersByTimeAsync(5000);
      expect(providers.choose()).toBe(provider);
      providers.succeeded(provider);
      providers.setAside(provider, false);
      await vi.advanceTimersByTimeAsync(100);
      expect(checks.slice(-1)).toEqual([25_100]);
    } finally {
      vi.useRealTimers();
      vi.restoreAllMocks();
    }
  });

  test("and only doesn't acknowledge is asked where there is nobody else", async () => {
    const { providers, found } = await withProviders(1, 2);
    providers.setAside(found[0]!, true);
    expect(providers.choose()).toBe(found[1]);
    providers.setAside(found[1]!, false);
    expect(providers.choose()).toBe(found[0]);
    providers.close();
  });

  test("and is gone meanwhile is not looked at again", async () => {
    const { providers, found } = await withProviders(1);
    providers.setAside(found[0]!, false);
    providers.remove("p0.sock");
    expect([found[0]!.state, providers.all()]).toEqual(["gone", []]);
    providers.setAside(found[0]!, false);
    expect(found[0]!.state).toBe("gone");
  });
});

describe("a wait for a provider", () => {
  test("ends when one is ready, at its time, with its signal and at the close", async () => {
    const providers = new TaskProviders("t", () => Promise.resolve(true));
    const leaver = new AbortController();
    const waits = [providers.untilReady(10_000, never), providers.untilReady(1, never), providers.untilReady(10_000, leaver.signal), providers.untilReady(0, never)];
    expect(await waits[3]).toBe(false);
    expect(await waits[1]).toBe(false);
    leaver.abort();
    expect(await waits[2]).toBe(false);
    await providers.add("p.sock", new FoundProvider({ priority: 1, provider: "p" }, "unix:///p", "1"));
    expect(await waits[0]).toBe(true);
    expect(await providers.untilReady(10_000, never)).toBe(true);
    providers.remove("p.sock");
    const last = providers.untilReady(10_000, never);
    providers.close();
    expect(await last).toBe(false);
    expect(await providers.untilReady(10_000, never)).toBe(false);
  });
});
