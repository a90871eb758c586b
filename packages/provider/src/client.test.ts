import { codeOf, thrownBy } from "@acomm/testing";
import { serve, UnixListener } from "@acomm/transport";
import { coordinatorSocketPath } from "@acomm/tracker";
import { expect, test } from "vitest";
import { z } from "zod";
import { createClient } from "./client.ts";
import { setUp } from "./fixtures/setup.ts";
import type { Setup } from "./fixtures/setup.ts";
import type { Provider } from "./provider.ts";
import type { TaskSignature } from "./task-signature.ts";

type Greeter = Provider<{ readonly greet: TaskSignature<{ name: string }, string> }>;

async function startGreeter(setup: Setup): Promise<Greeter> {
  const provider = setup.provider().task("greet", { args: z.object({ name: z.string() }), result: z.string() }, async ({ args, stream }) => {
    await stream([]);
    return `hello ${args.name}`;
  });
  await provider.start();
  return provider;
}

test("a client gives results, or whole responses", async () => {
  await using setup = await setUp();
  await startGreeter(setup);
  const client = createClient<Greeter>(setup.tracker, setup.url("greet"));
  expect(await client.request("greet", { name: "Ada" })).toBe("hello Ada");
  expect(await createClient<Greeter>(setup.tracker, new URL(setup.url("greet"))).call("greet", { name: "Bob" }, { timeoutMs: 1000 })).toMatchObject({ result: "hello Bob", error: "", streamUrl: { protocol: new URL(setup.url("greet")).protocol } });
});

test("a wrong argument is a compile error, and without types bad_field with the path of the value", async () => {
  await using setup = await setUp();
  await startGreeter(setup);
  const client = createClient<Greeter>(setup.tracker, setup.url("greet"));
  // @ts-expect-error -- a number is no name
  expect(await codeOf(client.request("greet", { name: 5 }))).toBe("bad_field");
  await expect(setup.tracker.request(setup.url("greet"), { task: "greet", args: { name: 5 } })).rejects.toThrow(/^args\.name: /);
});

test("its options are the caller's: a signal, a time", async () => {
  await using setup = await setUp();
  const provider = setup.provider().task("wait", {}, () => new Promise(() => undefined));
  await provider.start();
  const client = createClient<typeof provider>(setup.tracker, setup.url("wait"));
  expect(await codeOf(client.request("wait", null, { timeoutMs: 20 }))).toBe("timeout");
  expect(await codeOf(client.request("wait", null, { signal: AbortSignal.timeout(20) }))).toBe("cancelled");
});

test("its calls can be made by what a handler gets, and inherit there", async () => {
  await using setup = await setUp();
  await startGreeter(setup);
  const outer = setup.provider("outer").task("twice", {}, async ({ tracker }) => {
    const client = createClient<Greeter>(tracker, setup.url("greet"));
    return [await client.request("greet", { name: "Ada" }), await client.request("greet", { name: "Bob" })];
  });
  await outer.start();
  expect(await createClient<typeof outer>(setup.tracker, setup.url("twice", "outer")).request("twice")).toEqual(["hello Ada", "hello Bob"]);
});

test("a socket directory means its coordinator, main unless another one is named", async () => {
  await using setup = await setUp();
  for (const name of ["main", "other"]) {
    const listener = new UnixListener(coordinatorSocketPath(setup.directory.path, name));
    await listener.start();
    const service = serve(listener, ({ task }) => `${task} at ${name}`);
    const target = name === "main" ? { socketDir: setup.directory.path } : { socketDir: setup.directory.path, coordinator: name };
    expect(await createClient<Greeter>(setup.tracker, target).request("greet", { name: "" })).toBe(`greet at ${name}`);
    await service.stop();
  }
  expect(thrownBy(() => createClient<Greeter>(setup.tracker, { socketDir: "relative" })).code).toBe("bad_address");
  expect(thrownBy(() => createClient<Greeter>(setup.tracker, { socketDir: setup.directory.path, coordinator: "../x" })).code).toBe("bad_field");
});
