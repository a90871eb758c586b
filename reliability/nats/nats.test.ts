import { whyNoNatsServer } from "@acomm/testing";
import { describe, expect, test } from "vitest";
import { mebibyte, violationsOf } from "../load/finding.ts";
import { serverOutage, sharedCalls } from "./calls.ts";
import { killedWhole } from "./durable.ts";
import { longStream } from "./streams.ts";

describe.skipIf(whyNoNatsServer !== undefined)("over NATS, between processes", { timeout: 120_000 }, () => {
  test("three that serve share the calls evenly; one killed with kill -9 leaves every call a definite outcome", async () => {
    expect(violationsOf(await sharedCalls({ calls: 3000 }))).toEqual([]);
  });

  test("a coordinator shares them evenly as well, and goes on with the other two", async () => {
    expect(violationsOf(await sharedCalls({ calls: 1500, through: "coordinator" }))).toEqual([]);
  });

  test("a server that is killed and started again: calls in time are answered, the others know what became of them", async () => {
    expect(violationsOf(await serverOutage({ calls: 1000, outageMs: 800 }))).toEqual([]);
  });

  test("a long stream arrives whole and takes little memory; a writer killed in the middle is truncated_stream", async () => {
    expect(violationsOf(await longStream({ totalBytes: 96 * mebibyte }))).toEqual([]);
  });

  test("durable requests survive the end of every process and of the server: each is answered, each effect is there once", async () => {
    expect(violationsOf(await killedWhole({ requests: 150 }))).toEqual([]);
  });
});
