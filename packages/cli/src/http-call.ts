import { AcommError, createRequest, decodeAcknowledgement, decodeErrorText, decodeResponse, defaultMaxFrameBytes, encodeRequest, errorOfResponse } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import type { CallInit } from "./caller.ts";

/** What comes after the answer may take that long, in milliseconds: the coordinator decides that the time is over. */
const graceMs = 500;

/**
 * Calls a task through the HTTP door of a coordinator, which holds the connection until there is an answer and tells of
 * progress meanwhile.
 *
 * @throws AcommError
 */
export async function callOverHttp(url: string, init: CallInit, token: string | undefined): Promise<Response> {
  const { task, args, timeoutMs, signal, onProgress } = init;
  const timeout = AbortSignal.timeout(timeoutMs + graceMs);
  const ends = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  const target = new URL(url);
  target.searchParams.set("wait", `${Math.ceil(timeoutMs)}ms`);
  const headers = { "content-type": "application/json", accept: "text/event-stream", ...(token === undefined ? undefined : { authorization: `Bearer ${token}` }) };
  let response: Response | undefined;
  try {
    const answer = await fetch(target, { method: "POST", headers, body: encodeRequest(createRequest({ task, args }), { timeoutMs, progress: onProgress !== undefined }), signal: ends, redirect: "error" });
    const isEvents = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (!isEvents) throw refusalOf(await textOf(answer), answer.status, url);
    for await (const { event, data } of eventsOf(answer)) {
      if (event === "progress") onProgress?.(JSON.parse(data));
      else if (event === "response") response = decodeResponse(data);
    }
  } catch (error) {
    throw translate(error, { url, timeout, timeoutMs, signal });
  }
  if (response === undefined) throw new AcommError("ambiguous", `${url} ended the connection before the answer: the task may have run`);
  if (response.error !== "") throw errorOfResponse(response);
  return response;
}

/** What a door says that does not answer on the connection. */
function refusalOf(text: string, status: number, url: string): AcommError {
  try {
    const { error } = decodeAcknowledgement(text);
    if (error !== "") return decodeErrorText(error);
    return new AcommError("bad_address", `${url} takes requests and answers to response hooks alone: name the URL of a coordinator`);
  } catch {
    return new AcommError("remote", `${url} answered with HTTP status ${status}, as no coordinator does`);
  }
}

function translate(error: unknown, { url, timeout, timeoutMs, signal }: { readonly url: string; readonly timeout: AbortSignal; readonly timeoutMs: number; readonly signal: AbortSignal | undefined }): AcommError {
  if (error instanceof AcommError) return error;
  if (signal?.aborted === true) return new AcommError("cancelled", "the call was cancelled");
  if (timeout.aborted) return new AcommError("timeout", `${url}: no outcome within ${timeoutMs} ms`);
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  const code = cause?.code ?? "";
  if (/^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code)) return new AcommError("unavailable", `nobody serves at ${url} (${code}): start the service, or choose another with --url`);
  return new AcommError("ambiguous", `${url}: the connection failed before the answer (${code === "" ? (cause?.message ?? String(error)) : code}), so the task may have run`);
}

async function textOf(answer: globalThis.Response): Promise<string> {
  let text = "";
  for await (const part of partsOf(answer)) text += part;
  return text;
}

/** The text of an answer as it comes, as much of it as a message may have. */
async function* partsOf(answer: globalThis.Response): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > 2 * defaultMaxFrameBytes) throw new AcommError("frame_too_large", `the answer is longer than the ${defaultMaxFrameBytes} bytes that a message may have`);
    yield decoder.decode(chunk, { stream: true });
  }
}

interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

async function* eventsOf(answer: globalThis.Response): AsyncGenerator<ServerEvent> {
  let rest = "";
  for await (const part of partsOf(answer)) {
    const blocks = (rest + part).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const fields = (name: string): string[] => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      const [event] = fields("event");
      if (event !== undefined) yield { event, data: fields("data").join("\n") };
    }
  }
}
