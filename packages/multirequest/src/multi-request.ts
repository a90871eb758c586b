import { AcommError } from "@acomm/protocol";
import type { Request, Response, ResponseHandler } from "@acomm/protocol";
import type { Tracker } from "@acomm/tracker";

/** What {@link MultiRequest} takes besides its tracker. */
export interface MultiRequestOptions {
  /** The timeout of each request, in milliseconds, 1 to 2^31-1. @default the tracker's */
  readonly timeoutMs?: number | undefined;
}

/** One of the requests: what the tracker knows it by, and its outcome. */
interface Member {
  readonly name: string;
  readonly tracked: Request;
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
  readonly #byRequest = new Map<Request, Member>();
  #openCount = 0;
  #waiters: (() => void)[] = [];

  constructor(tracker: Tracker, options: MultiRequestOptions = {}) {
    this.#tracker = tracker;
    this.#timeoutMs = options.timeoutMs;
  }

  /** How many of its requests have no response yet. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Tracks a request under a name of its own; sending it is up to the caller. Its handlers run as well. What can't be
   * tracked is not waited for.
   *
   * @throws AcommError `bad_field` where the name is taken; as `tracker.trackRequest`
   */
  addRequest<Args>(name: string, request: Request<Args>): void {
    if (this.#members.has(name)) throw new AcommError("bad_field", `name: a request named ${JSON.stringify(name)} was added already, give each its own`);
    const settle = (handler: ResponseHandler<Args> | undefined): ResponseHandler => (_, response) => {
      this.#settle(member, response);
      handler?.(request, response);
    };
    const tracked: Request = { ...request, onSuccess: settle(request.onSuccess), onError: settle(request.onError) };
    const member: Member = { name, tracked, response: undefined };
    this.#tracker.trackRequest(tracked, { timeoutMs: this.#timeoutMs });
    this.#members.set(name, member);
    this.#byRequest.set(request, member);
    this.#openCount += 1;
  }

  /** Takes a request out again, such as one that could not be sent. False where it isn't open here. */
  removeRequest<Args>(request: Request<Args>): boolean {
    const member = this.#byRequest.get(request);
    if (member === undefined || member.response !== undefined) return false;
    this.#byRequest.delete(request);
    this.#members.delete(member.name);
    this.#tracker.removeRequest(member.tracked);
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

  /** Waits until every request has its response, or is removed, and gives them by name. */
  async responses(): Promise<Map<string, Response>> {
    while (this.#openCount > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.partialResponses();
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
