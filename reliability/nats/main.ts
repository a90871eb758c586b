/**
 * Runs what is promised over NATS at full size, and prints what each case came to; exits with 1 where a figure is out of its bound:
 * `main.ts [--only share,coordinator,outage,stream,durable]`. Needs a nats-server; about two minutes on two cores.
 */
import { whyNoNatsServer } from "@acomm/testing";
import { parseArgs } from "node:util";
import { mebibyte } from "../load/finding.ts";
import { runCases } from "../load/run-cases.ts";
import type { Case } from "../load/run-cases.ts";
import { serverOutage, sharedCalls } from "./calls.ts";
import { killedWhole } from "./durable.ts";
import { longStream } from "./streams.ts";

const cases: readonly Case[] = [
  { numbers: "share", done: "10 000 calls to three providers, and again with one of them killed", run: () => sharedCalls({ calls: 10_000 }) },
  { numbers: "coordinator", done: "the same through a coordinator", run: () => sharedCalls({ calls: 10_000, through: "coordinator" }) },
  { numbers: "outage", done: "the nats-server killed among 10 000 calls, and back after 3 s", run: () => serverOutage({ calls: 10_000, outageMs: 3000 }) },
  { numbers: "stream", done: "a stream of a GiB between two processes, and one whose writer is killed", run: () => longStream({ totalBytes: 1024 * mebibyte }) },
  { numbers: "durable", done: "1 000 stored requests, everything killed and started again", run: () => killedWhole({ requests: 1000 }) },
];

const { values: options } = parseArgs({ options: { only: { type: "string" } } });
if (whyNoNatsServer !== undefined) throw new Error(whyNoNatsServer);
const wanted = options.only?.split(",");
await runCases(cases.filter(({ numbers }) => wanted?.includes(numbers) ?? true));
