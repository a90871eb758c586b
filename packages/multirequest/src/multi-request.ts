import { AcommError, checkOptionNames, encodeErrorText } from "@acomm/protocol";
import type { Request, Response, ResponseHandler } from "@acomm/protocol";
import type { CallOptions, Tracker } from "@acomm/tracker";

/** What {@link MultiRequest} takes besides its tracker. */
export interface MultiRequestOptions {
  /** The timeout of each request, in milliseconds, 1 to 2^31-1. @default the tracker's */
  readonly timeoutMs?: number | undefined;
}

/** One of the requests and its outcome. */
interface Member {
  readonly name: string;
  /** Gives it up. */
  readonly remove: () => void;
  response: Response | undefined;
}

/**
 * Any number of requests and one wait for all of their responses; the seed's `MultiRequest`. A request that gets no answer
 * in time has a response whose error begins with `timeout:`, so the wait always ends.
 */
export class MultiRequest {
  readonly #tracker: Tracker;
  readonly #timeoutMs: number | undefined;
  readonly #members = new Map<string, Member>();
  readonly #byRequest = new WeakMap<Request, Member>();
  #openCount = 0;
  #waiters: (() => void)[] = [];

  /** A wait for requests that this tracker makes; the tracker is started and stopped by its owner. @throws AcommError `bad_field` */
  constructor(tracker: Tracker, options: MultiRequestOptions = {}) {
    checkOptionNames(options, "MultiRequest", { timeoutMs: true });
    this.#tracker = tracker;
    this.#timeoutMs = options.timeoutMs;
  }

  /** How many of its requests have no response yet. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Tracks a request under a name of its own; sending it is up to the caller; the seed's `AddRequest`. Its handlers run as
   * well. What can't be tracked is not waited for.
   *
   * @throws AcommError `bad_field` where the name is taken; as `tracker.trackRequest`
   */
  addRequest<Args>(name: string, request: Request<Args>): void {
    this.#checkName(name);
    const settle = (handler: ResponseHandler<Args> | undefined): ResponseHandler => (_, response) => {
      this.#settle(member, response);
      handler?.(request, response);
    };
    const tracked: Request = { ...request, onSuccess: settle(request.onSuccess), onError: settle(request.onError) };
    const member: Member = { name, remove: () => this.#tracker.removeRequest(tracked), response: undefined };
    this.#tracker.trackRequest(tracked, { timeoutMs: this.#timeoutMs });
    this.#add(member);
    this.#byRequest.set(request, member);
  }

  /**
   * Sends a request as `tracker.call` does and waits for it under a name of its own. What goes wrong, sending included,
   * becomes the error of its response.
   *
   * @throws AcommError `bad_field` where the name is taken
   */
  request<Args>(name: string, url: string | URL, options: CallOptions<Args>): void {
    this.#checkName(name);
    const controller = new AbortController();
    const { signal } = options;
    const call = this.#tracker.call(url, {
      timeoutMs: this.#timeoutMs,
      ...options,
      signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    });
    const member: Member = { name, remove: () => { controller.abort(); }, response: undefined };
    this.#add(member);
    call.then(
      (response) => { this.#settle(member, response); },
      (error: unknown) => { this.#settle(member, { id: name, error: encodeErrorText(error), result: null, streamUrl: null }); },
    );
  }

  /**
   * Takes a request out again, such as one that could not be sent; by name where {@link MultiRequest.request} sent it; the seed's
   * `RemoveRequest`. False where it isn't open here.
   */
  removeRequest<Args>(request: Request<Args> | string): boolean {
    const member = typeof request === "string" ? this.#members.get(request) : this.#byRequest.get(request);
    if (member === undefined || member.response !== undefined || this.#members.get(member.name) !== member) return false;
    this.#members.delete(member.name);
    member.remove();
    this.#closeOne();
    return true;
  }

  /** The responses that have come so far, by name. */
  partialResponses(): Map<string, Response> {
    const responses = new Map<string, Response>();
    for (const { name, response } of this.#members.values()) {
      if (response !== undefined) responses.set(name, response);
    }
    return responses;
  }

  /** Waits until every request has its response, or is removed, and gives them by name; the seed's `Responses`. */
  async responses(): Promise<Map<string, Response>> {
    while (this.#openCount > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.partialResponses();
  }

  #checkName(name: string): void {
    if (this.#members.has(name)) throw new AcommError("bad_field", `name: a request named ${JSON.stringify(name)} was added already, give each its own`);
  }

  #add(member: Member): void {
    this.#members.set(member.name, member);
    this.#openCount += 1;
  }

  #settle(member: Member, response: Response): void {
    if (member.response !== undefined || this.#members.get(member.name) !== member) return;
    member.response = response;
    this.#closeOne();
  }

  #closeOne(): void {
    this.#openCount -= 1;
    if (this.#openCount > 0) return;
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
