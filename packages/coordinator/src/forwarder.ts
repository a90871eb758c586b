import { AcommError, asksOf } from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import type { Tracker } from "@acomm/tracker";
import type { CallParent, StreamSigner } from "@acomm/transport";
import type { AdoptedStreams } from "./adopted-streams.ts";
import type { Admission } from "./admission.ts";
import { forbidden } from "./allow-list.ts";
import type { CoordinatorDescription } from "./description.ts";
import { failureResponse } from "./failure-response.ts";
import { describeTask } from "./router.ts";
import type { Router } from "./router.ts";

/** What a {@link Forwarder} works with. */
export interface ForwarderInit {
  readonly admission: Admission;
  readonly router: Router;
  readonly tracker: () => Tracker;
  readonly streams: AdoptedStreams;
  readonly signer: StreamSigner;
  /** The URL of one of the door's paths; undefined where there is no door. */
  readonly doorUrl: (path: "stream" | "proxy") => AcommUrl | undefined;
  readonly describe: () => CoordinatorDescription;
}

/** Gets a request its response, from whoever is to run it: a provider, another coordinator, or this one itself. */
export class Forwarder {
  readonly #init: ForwarderInit;

  constructor(init: ForwarderInit) {
    this.#init = init;
  }

  /** Refuses a request that can't be run here. @throws as `Admission.check`; `unknown_task`, `bad_field` */
  check(request: Request, isOutside: boolean): void {
    const { admission, router } = this.#init;
    admission.check(request, isOutside);
    if (request.taskUrl != null) return; // the other coordinator knows its tasks
    if (request.task !== describeTask) router.find(request.task);
    else if (describedTask(request) !== undefined) router.find(describedTask(request) ?? "");
  }

  /** Gives the response, which says what is wrong where nobody else gives one. Never rejects. */
  forward(request: Request, parent: CallParent, onProgress: ((value: unknown) => void) | undefined): Promise<Response> {
    const { router } = this.#init;
    const { task, taskUrl, streamUrl } = request;
    try {
      if (taskUrl != null) return orFailure(request, this.#elsewhere(request, taskUrl, parent, onProgress));
      if (streamUrl !== null && streamUrl.protocol !== "unix:") return orFailure(request, this.#withStream(request, streamUrl, parent, onProgress));
      return task === describeTask ? this.#describe(request, parent) : router.forward(router.find(task), request, parent, onProgress);
    } catch (error) {
      return Promise.resolve(failureOf(request, error));
    }
  }

  /** A stream from inside as it can be read from outside; undefined where there is no door. */
  signed(url: AcommUrl): AcommUrl | undefined {
    const { signer, doorUrl } = this.#init;
    const door = doorUrl("stream");
    return door === undefined ? undefined : signer.sign(door, url);
  }

  /** A response whose stream its receiver can read from outside. */
  forOutside(response: Response): Response {
    const { streamUrl } = response;
    return streamUrl?.protocol === "unix:" ? { ...response, streamUrl: this.signed(streamUrl) ?? null } : response;
  }

  async #withStream(request: Request, source: AcommUrl, parent: CallParent, onProgress: ((value: unknown) => void) | undefined): Promise<Response> {
    const { admission, streams } = this.#init;
    await admission.checkStream(source);
    const stream = await streams.adopt(source);
    const response = await this.forward({ ...request, streamUrl: stream.url }, parent, onProgress);
    if (response.error !== "") stream.cancel(); // nobody is going to read it
    return response;
  }

  /** Another coordinator runs it, under its own roof. */
  async #elsewhere(request: Request, taskUrl: AcommUrl, parent: CallParent, onProgress: ((value: unknown) => void) | undefined): Promise<Response> {
    const { admission, tracker, doorUrl } = this.#init;
    await admission.checkTaskUrl(taskUrl);
    const isUnix = taskUrl.protocol === "unix:";
    const hook = isUnix ? undefined : doorUrl("proxy");
    if (!isUnix && hook === undefined) throw forbidden(taskUrl, "task", "without an HTTP door the answer can't come back: give the coordinator http");
    const { streamUrl } = request;
    const stream = !isUnix && streamUrl?.protocol === "unix:" ? (this.signed(streamUrl) ?? null) : streamUrl;
    return await tracker().forward(taskUrl, { ...request, streamUrl: stream, taskUrl: null }, { parent, onProgress, hops: (asksOf(request).hops ?? 0) + 1, responseHook: hook });
  }

  #describe(request: Request, parent: CallParent): Promise<Response> {
    const { router, describe } = this.#init;
    const task = describedTask(request);
    if (task === undefined) return Promise.resolve({ id: request.id, error: "", result: describe(), streamUrl: null });
    return router.forward(router.find(task), request, parent, undefined);
  }
}

async function orFailure(request: Request, response: Promise<Response>): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    return failureOf(request, error);
  }
}

function failureOf(request: Request, error: unknown): Response {
  return failureResponse(request, error instanceof AcommError ? error : new AcommError("remote", "the coordinator failed", { cause: error }));
}

/** Of which task the providers are asked; undefined where the coordinator itself is. */
function describedTask({ args }: Request): string | undefined {
  const { task } = (typeof args === "object" && args !== null ? args : {}) as { readonly task?: unknown };
  if (task === undefined || task === null) return undefined;
  if (typeof task === "string") return task;
  throw new AcommError("bad_field", "args.task must be the name of a task, or be left out");
}
