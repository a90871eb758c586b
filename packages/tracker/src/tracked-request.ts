import { AcommError, createResponse, handleResponse } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { report } from "@acomm/transport";
import type { ErrorHook } from "@acomm/transport";
import { performance } from "node:perf_hooks";
import type { PendingRequest } from "./pending-requests.ts";

/** A request that somebody else sends, or that is proxied: what its outcome is handed to. */
export class TrackedRequest implements PendingRequest {
  readonly request: Request;
  isClaimed = false;
  isNamed = false;
  deadline: number;
  bucket: PendingRequest["bucket"] = undefined;
  bucketIndex = 0;
  readonly #timeoutMs: number;
  readonly #handOver: (request: Request, response: Response) => void;

  /** @param handOver gets the response, which says `code: message` where there is none from the peer */
  constructor(request: Request, timeoutMs: number, handOver: (request: Request, response: Response) => void) {
    this.request = request;
    this.#timeoutMs = timeoutMs;
    this.deadline = Math.ceil(performance.now() + timeoutMs); // a small integer takes no memory of its own
    this.#handOver = handOver;
  }

  get id(): string {
    return this.request.id;
  }

  get task(): string {
    return this.request.task;
  }

  get startedAt(): number {
    return this.deadline - this.#timeoutMs;
  }

  finish(outcome: Response | AcommError): void {
    this.#handOver(this.request, outcome instanceof AcommError ? createResponse(this.request, { error: outcome }) : outcome);
  }

  /** The response itself and no error to make it of: an error costs most of what expiring costs. */
  expired(): Response {
    return { id: this.id, error: `timeout: request ${JSON.stringify(this.id)} (${this.task}) has no response after ${this.#timeoutMs} ms`, result: null, streamUrl: null };
  }
}

/** Runs the request's own handlers; what they throw, or reject with, is reported. */
export function runHandlers(onError: ErrorHook | undefined): (request: Request, response: Response) => void {
  return (request, response) => {
    contain(onError, () => handleResponse(request, response), () => `the response handler of request ${JSON.stringify(request.id)} (${request.task})`);
  };
}

/** Runs what gets the progress of a call; what it throws, or rejects with, is reported. */
export function runProgress(onError: ErrorHook | undefined): (handler: (value: unknown) => unknown, value: unknown, name: string) => void {
  return (handler, value, name) => {
    contain(onError, () => handler(value), () => `the progress handler of ${name}`);
  };
}

function contain(onError: ErrorHook | undefined, run: () => unknown, nameOf: () => string): void {
  const failed = (cause: unknown): void => { report(onError, new AcommError("remote", `${nameOf()} threw`, { cause })); };
  try {
    const outcome = run();
    if (outcome !== undefined) Promise.resolve(outcome).catch(failed);
  } catch (cause) {
    failed(cause);
  }
}
