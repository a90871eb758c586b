import type { Invocation } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { saveStream } from "./file-stream.ts";
import type { StreamValues } from "./settings.ts";
import { explainUnavailable } from "./target.ts";
import { parseUrl } from "@acomm/protocol";
import { UsageError } from "./usage-error.ts";

/** `acomm stream`: copies a stream to standard output or into a file. */
export async function readStream({ operands, settings, output, interrupts }: Invocation<StreamValues>): Promise<number> {
  const [url = ""] = operands;
  try {
    parseUrl(url);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  try {
    await saveStream(url, settings.streamOut ?? "-", { output, signal: interrupts.signal, idleTimeoutMs: settings.timeoutMs });
    return exitCodes.result;
  } catch (error) {
    throw explainUnavailable(error, { url, hint: `nobody serves a stream at ${url}: it is gone, or was read before` });
  }
}
