import { checkName } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import { openCaller } from "./caller.ts";
import type { Invocation } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { openOutgoingFile, saveStream } from "./file-stream.ts";
import { viewJson } from "./json-view.ts";
import { printable } from "./output.ts";
import type { Output } from "./output.ts";
import { watchProgress } from "./progress-watch.ts";
import type { CallValues } from "./settings.ts";
import { readTaskArguments } from "./task-arguments.ts";
import { UsageError } from "./usage-error.ts";

/** `acomm call`: asks for a task and writes its result. */
export async function call(invocation: Invocation<CallValues>): Promise<number> {
  const { operands, settings, output, interrupts } = invocation;
  const [task = "", ...words] = operands;
  if (words[0] === "-" && settings.streamIn === "-") throw new UsageError("standard input can't be both, the arguments and the stream: give one of them another way");
  checkTask(task);
  const args = await readTaskArguments({ words, json: settings.json }, process.stdin, interrupts.signal);
  const outgoing = settings.streamIn === undefined ? undefined : await openOutgoingFile(settings.streamIn, output);
  const { signal } = interrupts;
  const progress = settings.progress ? await watchProgress(output) : undefined;
  const caller = await openCaller(invocation);
  try {
    let response: Response;
    try {
      const streamUrl = outgoing === undefined ? null : await caller.createStream(outgoing.open);
      response = await caller.call({ task, args, streamUrl, timeoutMs: settings.timeoutMs, signal, onProgress: progress?.take });
    } finally {
      progress?.stop();
    }
    writeResult(response, output, settings.streamOut === "-");
    if (settings.streamOut !== undefined) {
      if (response.streamUrl === null) {
        output.note(`acomm: ${task} gave no stream, so there is nothing for --stream-out`);
        return exitCodes.remote;
      }
      await saveStream(response.streamUrl, settings.streamOut, { output, signal, registry: caller.registry });
    } else if (response.streamUrl !== null) {
      output.note(`acomm: there is a stream as well, to be read once: acomm stream ${response.streamUrl.href}, or call with --stream-out FILE`);
    }
    await outgoing?.done();
    return exitCodes.result;
  } finally {
    await caller.stop();
  }
}

function checkTask(task: string): void {
  try {
    checkName(task, "task");
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function writeResult(response: Response, output: Output, isStdoutTaken: boolean): void {
  const text = response.raw?.text ?? JSON.stringify(response.result);
  if (isStdoutTaken) output.note(printable(onOneLine(text)));
  else output.text(output.format === "table" ? viewJson(text, output.columns, output.paint) : onOneLine(text));
}

/** JSON has line breaks between its tokens only, and spaces beside them too. */
function onOneLine(json: string): string {
  return json.trim().replace(/[\t ]*[\r\n][\t\r\n ]*/g, "");
}
