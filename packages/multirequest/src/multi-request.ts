import { AcommError, checkOptionNames, encodeErrorText } from "@acomm/protocol";
import type { Request, Response, ResponseHandler } from "@acomm/protocol";
import type { CallOptions, Tracker } from "@acomm/tracker";

/** How {@link MultiRequest} waits. */
export interface MultiRequestOptions {
  /** Of each request, 1 to 2^31-1. @default the tracker's */
  readonly timeoutMs?: number | undefined;
}

/** One of the requests and its outcome. */
interface Member {
  readonly name: string;
  /** Gives it up. */
  readonly remove: () => void;
  response: Response | undefined;
}

/** Many requests and one wait; the seed's `MultiRequest`. One without an answer in time has the error `timeout: …`, so the wait ends. */
export class MultiRequest {
  readonly #tracker: Tracker;
  readonly #timeoutMs: number | undefined;
  readonly #members = new Map<string, Member>();
  readonly #byRequest = new WeakMap<Request, Member>();
  #openCount = 0;
  #waiters: (() => void)[] = [];

  /** The tracker is started and stopped by its owner. @throws `bad_field` */
  constructor(tracker: Tracker, options: MultiRequestOptions = {}) {
    checkOptionNames(options, "MultiRequest", { timeoutMs: true });
    this.#tracker = tracker;
    this.#timeoutMs = options.timeoutMs;
  }

  /** Its requests without a response. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Tracks a request that you send yourself, under a name; the seed's `AddRequest`. Its handlers run too. What can't be tracked is
   * not waited for.
   *
   * @throws `bad_field` where the name is taken; as `tracker.trackRequest`
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
   * Calls as `tracker.call` does, under a name. What goes wrong becomes the error of its response.
   *
   * @throws `bad_field` where the name is taken
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

  /** Takes a request out again, by name where {@link MultiRequest.request} sent it; the seed's `RemoveRequest`. False where it isn't open. */
  removeRequest<Args>(request: Request<Args> | string): boolean {
    const member = typeof request === "string" ? this.#members.get(request) : this.#byRequest.get(request);
    if (member === undefined || member.response !== undefined || this.#members.get(member.name) !== member) return false;
    this.#members.delete(member.name);
    member.remove();
    this.#closeOne();
    return true;
  }

  /** Those that have come so far, by name. */
  partialResponses(): Map<string, Response> {
    const responses = new Map<string, Response>();
    for (const { name, response } of this.#members.values()) {
      if (response !== undefined) responses.set(name, response);
    }
    return responses;
  }

  /** The responses by name, once every request has its own or is removed; the seed's `Responses`. */
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
