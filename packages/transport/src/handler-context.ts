import type { Response, TraceContext } from "@acomm/protocol";
import type { CallParent, Dependent } from "./call-parent.ts";

/** What a handler gets beside the request. Given as `parent` to the calls that it makes, these inherit its time, its end and its trace. */
export interface HandlerContext extends CallParent {
  /** Aborts when the caller has gone away or cancels, when its time is over, and when the service's stop gives up waiting. */
  readonly signal: AbortSignal;
  /** Lets something end with the request, for less than a signal costs. */
  attach(dependent: Dependent): void;
  /** Takes back what {@link attach} did. */
  detach(dependent: Dependent): void;
  /** By when the caller wants the answer, on the clock of `performance.now()`, in milliseconds; undefined where it doesn't say (wire 2.3). */
  readonly deadline: number | undefined;
  /** The trace that the request belongs to, where its caller said so (wire 2.7). */
  readonly trace: TraceContext | undefined;
  /** Whether the caller takes progress (wire 2.6). */
  readonly wantsProgress: boolean;
  /**
   * Tells the caller how far it is: any JSON value; nothing happens where the caller doesn't take it. A caller that reads
   * slowly may miss some, never the last word, which is the response.
   *
   * @throws AcommError `bad_field`, `frame_too_large`
   */
  readonly progress: (value: unknown) => void;
  /** Gives the response a stream URL, such as one of `tracker.createUnixStream`. @throws AcommError `bad_field` */
  readonly attachStream: (url: string | URL) => void;
  /**
   * Answers with a response that came from elsewhere: under the id of this request, and with its text as it is. Null says that
   * somebody else answers. What the handler returns counts no more then, what it throws does.
   */
  readonly answerWith: (response: Response | null) => void;
}
