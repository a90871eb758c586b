import { AcommError, parseUrl } from "@acomm/protocol";
import type { FoundService, ServiceNetwork } from "@acomm/transport";
import { hostname } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "./fixtures/until.ts";
import { NetworkProviders } from "./network-providers.ts";
import { TaskProviders } from "./task-providers.ts";

/** A look at a network whose services the test decides about; each look is told. */
async function startLooking(rescanMs = 1): Promise<{ readonly tasks: Map<string, TaskProviders>; readonly errors: AcommError[]; answer: FoundService[] | AcommError; looks: number; change(): void }> {
  const tasks = new Map<string, TaskProviders>();
  const state = { tasks, errors: [] as AcommError[], answer: [] as FoundService[] | AcommError, looks: 0, change: (): void => undefined };
  const network: Pick<ServiceNetwork, "discover" | "watch"> = {
    discover() {
      state.looks += 1;
      return state.answer instanceof AcommError ? Promise.reject(state.answer) : Promise.resolve(state.answer);
    },
    watch(onChange) {
      state.change = onChange;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const providersOf = (task: string): TaskProviders => {
    if (task === "") throw new AcommError("bad_field", "it has no name");
    const providers = tasks.get(task) ?? new TaskProviders(task, () => Promise.resolve(true));
    tasks.set(task, providers);
    return providers;
  };
  const looking = new NetworkProviders({ network: network as ServiceNetwork, socketDir: "/run/acomm", providersOf, rescanMs, onError: (error) => { state.errors.push(error); } });
  onTestFinished(() => { looking.close(); });
  await looking.start();
  return state;
}

function service(id: string, task: string, metadata: Readonly<Record<string, string>> = {}, name = "far"): FoundService {
  return { name, id, description: "", metadata: { host: "other" }, endpoints: [{ name: task, url: parseUrl(`net://there/${id}`), metadata }] };
}

describe("a provider on the network", () => {
  test("is known with what it has announced", async () => {
    const looking = await startLooking();
    looking.answer = [service("1", "work", { priority: "7", idempotent: "true" })];
    looking.change();
    await until(() => looking.tasks.get("work")?.all().length === 1);
    const [found] = looking.tasks.get("work")?.all() ?? [];
    expect(found).toMatchObject({ provider: "far", priority: 7, url: "net://there/1", host: "other", state: "ready", isElsewhere: true });
    expect(await found?.isIdempotent).toBe(true);
  });

  test("stays where it misses one look, for it may be busy, and is gone where it misses the next", async () => {
    const looking = await startLooking();
    looking.answer = [service("1", "work")];
    await until(() => looking.tasks.get("work")?.all().length === 1);
    const looksBefore = looking.looks;
    looking.answer = [];
    await until(() => looking.tasks.get("work")?.all().length === 0);
    expect(looking.looks - looksBefore).toBeGreaterThanOrEqual(2);
  });

  test("stays while the network can't be looked at, which is told once", async () => {
    const looking = await startLooking();
    looking.answer = [service("1", "work")];
    await until(() => looking.tasks.get("work")?.all().length === 1);
    looking.answer = new AcommError("unavailable", "the server is gone");
    const { looks } = looking;
    await until(() => looking.looks > looks + 5);
    expect(looking.tasks.get("work")?.all()).toHaveLength(1);
    expect(looking.errors).toMatchObject([{ code: "unavailable", message: expect.stringContaining("those of the directory go on") as string }]);
  });

  test("is called in the directory where it is there as well", async () => {
    const looking = await startLooking();
    const here = { ...service("1", "work"), metadata: { host: hostname(), socketDir: "/run/acomm" } };
    const elsewhere = { ...service("2", "work"), metadata: { host: hostname(), socketDir: "/run/other" } };
    looking.answer = [here, elsewhere, { ...service("3", "work"), metadata: { host: "other", socketDir: "/run/acomm" } }];
    await until(() => looking.tasks.get("work")?.all().length === 2);
    expect(looking.tasks.get("work")?.all().map(({ identity }) => identity).toSorted()).toEqual(["2", "3"]);
  });

  test("is none where it says what can't be, and the others are known all the same", async () => {
    const looking = await startLooking();
    looking.answer = [service("1", "work", { priority: "1000" }), service("2", "work", { priority: "x" }), service("3", ""), service("4", "work", {}, "../x"), service("5", "work")];
    await until(() => looking.tasks.get("work")?.all().length === 1);
    expect(looking.tasks.get("work")?.all()).toMatchObject([{ url: "net://there/5", priority: 50 }]);
  });
});
