import { describe, expect, test } from "vitest";
import { environmentNameOf, keyOf, list, optional, readChoice, readCount, readDuration, readText, resolveSettings, toggle, withDefault } from "./setting.ts";
import type { SettingSources } from "./setting.ts";
import { UsageError } from "./usage-error.ts";

const settings = {
  maxWaitMs: withDefault("-w, --max-wait <duration>", "", readDuration(1), 7),
  port: optional("--port <number>", "", readCount(0, 65_535)),
  isLoud: toggle("--loud", ""),
  hosts: list("--host <name>", "", readText),
  output: withDefault("--output <format>", "", readChoice(["auto", "json"]), "auto"),
};

function resolve(sources: { flags?: SettingSources["flags"]; environment?: SettingSources["environment"]; file?: Record<string, unknown> }): Promise<{ readonly maxWaitMs: number } & Record<string, unknown>> {
  const { flags = {}, environment = {}, file } = sources;
  return resolveSettings(settings, { flags, environment, file: file === undefined ? undefined : { path: "/c.json", values: new Map(Object.entries(file)) } });
}

async function refusal(sources: Parameters<typeof resolve>[0]): Promise<string> {
  try {
    await resolve(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

test("a setting has one name as flag, in the environment and in the file", () => {
  expect(keyOf(settings.maxWaitMs)).toBe("maxWait");
  expect(environmentNameOf(settings.maxWaitMs)).toBe("ACOMM_MAX_WAIT");
});

test("flags win over the environment, the environment over the file", async () => {
  const file = { maxWait: "1s" };
  const environment = { ACOMM_MAX_WAIT: "2s" };
  expect((await resolve({})).maxWaitMs).toBe(7);
  expect((await resolve({ file })).maxWaitMs).toBe(1000);
  expect((await resolve({ file, environment })).maxWaitMs).toBe(2000);
  expect((await resolve({ file, environment, flags: { maxWait: "3s" } })).maxWaitMs).toBe(3000);
  expect((await resolve({ file, environment: { ACOMM_MAX_WAIT: "" } })).maxWaitMs).toBe(1000);
});

test("a file may write numbers, switches and lists as JSON", async () => {
  expect(await resolve({ file: { maxWait: 250, port: 80, loud: true, host: ["a", "b"] } })).toEqual({ maxWaitMs: 250, port: 80, isLoud: true, hosts: ["a", "b"], output: "auto" });
  expect(await resolve({ environment: { ACOMM_HOST: "a,b", ACOMM_LOUD: "0" } })).toMatchObject({ hosts: ["a", "b"], isLoud: false });
});

describe("A90 a wrong value is refused with its key and the limit", () => {
  test.each([
    [{ flags: { port: "8080abc" } }, '--port must be a whole number from 0 to 65535, but is "8080abc"'],
    [{ environment: { ACOMM_PORT: "-1" } }, 'ACOMM_PORT must be a whole number from 0 to 65535, but is "-1"'],
    [{ file: { port: 65_536 } }, 'port in /c.json must be a whole number from 0 to 65535, but is "65536"'],
    [{ file: { port: 1.5 } }, "port in /c.json must be a whole number"],
    [{ file: { port: null } }, "port in /c.json must be a text, a number or true or false, but is null"],
    [{ file: { port: [1] } }, "but is an array"],
    [{ file: { port: {} } }, "but is an object"],
    [{ flags: { maxWait: "NaN" } }, "--max-wait must be a duration from 1ms to 24d 20h (2147483647 ms)"],
    [{ file: { maxWait: "1000000000s" } }, "maxWait in /c.json must be a duration from 1ms to 24d 20h"],
    [{ flags: { maxWait: "0" } }, "--max-wait must be a duration"],
    [{ flags: { maxWait: "-1" } }, "--max-wait must be a duration"],
    [{ environment: { ACOMM_LOUD: "yes" } }, "ACOMM_LOUD must be true or false"],
    [{ flags: { output: "xml" } }, '--output must be auto or json, but is "xml"'],
    [{ flags: { host: [""] } }, "--host must not be empty"],
    [{ flags: { port: "9".repeat(100) } }, "but is a text of 100 characters"],
  ])("%j", async (sources, message) => {
    expect(await refusal(sources)).toContain(message);
  });
});
