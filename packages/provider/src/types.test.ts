import type { AcommError, Request } from "@acomm/protocol";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { Caller } from "@acomm/tracker";
import { createClient, Provider } from "./index.ts";
import type { Client, TaskSignature, TasksOf } from "./index.ts";

// what is checked here is checked by tsc; nothing of it runs

declare const caller: Caller;
const options = { socketDir: "/run/acomm", name: "types" };

const withZod = (): Provider<{ "disk-info": TaskSignature<{ all?: boolean | undefined }, { total: number }[]> }> =>
  new Provider(options).task("disk-info", { args: z.object({ all: z.boolean().default(false) }), result: z.array(z.object({ total: z.number() })) }, ({ args }) => {
    expectTypeOf(args).toEqualTypeOf<{ all: boolean }>();
    return [{ total: 1 }];
  });

const withValibot = (): Provider<{ size: TaskSignature<string, number> }> =>
  new Provider(options).task("size", { args: v.pipe(v.string(), v.transform((text) => text.length)), result: v.number() }, async ({ args }) => {
    expectTypeOf(args).toEqualTypeOf<number>();
    return args;
  });

const withArktype = (): Provider<{ add: TaskSignature<{ a: number; b?: number }, { sum: number }> }> =>
  new Provider(options).task("add", { args: type({ a: "number", b: "number = 0" }), result: type({ sum: "number" }) }, ({ args }) => {
    expectTypeOf(args).toEqualTypeOf<{ a: number; b: number }>();
    return { sum: args.a + args.b };
  });

const _several = new Provider(options)
  .task("disk-info", { args: z.object({ all: z.boolean().default(false) }), result: z.array(z.object({ total: z.number() })) }, () => [])
  .task("at", { args: z.object({ path: z.string() }), result: z.string().transform(Number) }, () => "1")
  .task("ping", {}, () => undefined)
  .task("wipe", { result: z.undefined() }, () => undefined)
  .task("nothing", { result: z.void() }, () => undefined)
  .task("maybe", { args: z.string().optional() }, ({ args }) => args);

type Types = typeof _several;

describe("a provider's type", () => {
  test("knows its tasks: what callers give, what they get", () => {
    expectTypeOf<TasksOf<Types>>().toEqualTypeOf<{
      readonly "disk-info": TaskSignature<{ all?: boolean | undefined }, { total: number }[]>;
      readonly at: TaskSignature<{ path: string }, number>;
      readonly ping: TaskSignature<unknown, null>;
      readonly wipe: TaskSignature<unknown, null>;
      readonly nothing: TaskSignature<unknown, null>;
      readonly maybe: TaskSignature<string | undefined, string | null>;
    }>();
  });

  test("comes from the schemas of zod, valibot and arktype", () => {
    expectTypeOf(withZod).returns.toExtend<Provider<unknown>>();
    expectTypeOf(withValibot).returns.toExtend<Provider<unknown>>();
    expectTypeOf(withArktype).returns.toExtend<Provider<unknown>>();
  });

  test("any provider is a Provider", () => {
    expectTypeOf<Types>().toExtend<Provider>();
    expectTypeOf<Types>().toExtend<Provider<unknown>>();
  });
});

test("a handler gets what it may use, each by itself", () => {
  new Provider(options).task("t", { args: z.object({ n: z.number() }) }, async ({ args, request, signal, progress, stream, tracker }) => {
    expectTypeOf(args).toEqualTypeOf<{ n: number }>();
    expectTypeOf(request).toEqualTypeOf<Request>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(progress).parameters.toEqualTypeOf<[value: unknown]>();
    expectTypeOf(stream).parameter(0).toExtend<unknown>();
    expectTypeOf(tracker).toEqualTypeOf<Caller>();
    // @ts-expect-error -- the schema knows no such argument
    args.m satisfies unknown;
  });
  new Provider(options).task("t", {}, ({ args }) => {
    expectTypeOf(args).toEqualTypeOf<unknown>();
  });
});

test("a handler's result must fit its schema", () => {
  // @ts-expect-error -- a text is no number
  new Provider(options).task("t", { result: z.number() }, () => "one");
  // @ts-expect-error -- nor is a promise of one
  new Provider(options).task("t", { result: v.object({ n: v.number() }) }, async () => ({ n: "one" }));
  // @ts-expect-error -- what is missing is missing
  new Provider(options).task("t", { result: type({ n: "number" }) }, () => ({}));
  // @ts-expect-error -- an option that there is not
  expect(() => new Provider(options).task("t", { timeout: 5 }, () => null)).toThrow("did you mean timeoutMs?");
});

const calls = async (client: Client<TasksOf<Types>>): Promise<void> => {
  expectTypeOf(await client.request("disk-info", { all: true })).toEqualTypeOf<{ total: number }[]>();
  expectTypeOf(await client.request("disk-info", {}, { timeoutMs: 5 })).toEqualTypeOf<{ total: number }[]>();
  expectTypeOf(await client.request("at", { path: "/" })).toEqualTypeOf<number>();
  expectTypeOf(await client.request("ping")).toEqualTypeOf<null>();
  expectTypeOf(await client.request("ping", { anything: 1 })).toEqualTypeOf<null>();
  expectTypeOf(await client.request("wipe")).toEqualTypeOf<null>();
  expectTypeOf(await client.request("maybe")).toEqualTypeOf<string | null>();
  expectTypeOf(await client.request("maybe", undefined, { timeoutMs: 5 })).toEqualTypeOf<string | null>();
  const response = await client.call("at", { path: "/" });
  expectTypeOf(response.result).toEqualTypeOf<number | null>();
  expectTypeOf(response.streamUrl).toExtend<URL | null>();

  // @ts-expect-error -- there is no such task
  await client.request("disk-inof", {});
  // @ts-expect-error -- an argument of another type
  await client.request("disk-info", { all: "yes" });
  // @ts-expect-error -- an argument that there is not
  await client.request("disk-info", { al: true });
  // @ts-expect-error -- an argument is missing
  await client.request("at", {});
  // @ts-expect-error -- all of them are missing
  await client.request("at");
  // @ts-expect-error -- the output of the schema is for the handler, the caller gives its input
  await client.request("maybe", 5);
  // @ts-expect-error -- an option that there is not
  await client.request("ping", null, { timeout: 5 });
  // @ts-expect-error -- task and arguments have their own places
  await client.request("ping", null, { task: "wipe" });
  // @ts-expect-error -- the result is a list
  (await client.request("disk-info", {})).total satisfies unknown;
  // @ts-expect-error -- without a schema the result is what the handler returns
  (await client.request("maybe")).anything satisfies unknown;
};

test("a client's calls are those of the provider, made from its type alone", () => {
  expectTypeOf(createClient<Types>).returns.toEqualTypeOf<Client<TasksOf<Types>>>();
  expectTypeOf(createClient<Types>).parameter(0).toEqualTypeOf<Caller>();
  expectTypeOf(calls).toBeFunction();
  // @ts-expect-error -- something else than a provider has no tasks
  expectTypeOf(() => createClient<AcommError>(caller, "unix:///run/acomm/c.sock").request("t")).toBeFunction();
});
