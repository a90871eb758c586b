import { defaultMaxFrameBytes } from "@acomm/protocol";
import { addAbortSignal } from "node:stream";
import type { Readable } from "node:stream";
import { parseArgumentJson, parsePairs } from "./call-arguments.ts";
import { UsageError } from "./usage-error.ts";

/** Where the arguments of a task stand on the command line. */
export interface GivenArguments {
  /** What follows the task: pairs, or `-`. */
  readonly words: readonly string[];
  /** What `--json` says. */
  readonly json: string | undefined;
}

/**
 * The arguments of a task, from pairs, from `--json`, or as JSON from standard input.
 *
 * @param signal ends the wait for standard input
 * @throws UsageError
 */
export async function readTaskArguments({ words, json }: GivenArguments, stdin: Readable, signal: AbortSignal): Promise<unknown> {
  if (json !== undefined) {
    if (words.length > 0) throw new UsageError("the arguments are given twice, with --json and as words: give them once");
    return parseArgumentJson(json, "--json");
  }
  if (words[0] === "-" && words.length === 1) return parseArgumentJson(await readText(addAbortSignal(signal, stdin)), "standard input");
  return parsePairs(words);
}

async function readText(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > defaultMaxFrameBytes) throw new UsageError(`standard input holds more than the ${defaultMaxFrameBytes} bytes that a message may have: send it with --stream-in -`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
