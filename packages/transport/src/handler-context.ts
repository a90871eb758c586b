import type { Response, TraceContext } from "@acomm/protocol";
import type { CallParent, Dependent } from "./call-parent.ts";

/** What a handler gets beside the request. As the `parent` of calls it gives them its time, end and trace. */
export interface HandlerContext extends CallParent {
  /** Aborts when the caller is gone or cancels, its time is over, or a stop gives up waiting; what is returned after its time is no result. */
  readonly signal: AbortSignal;
  /** @internal Lets something end with the request, for less than a signal costs. */
  attach(dependent: Dependent): void;
  /** @internal Takes back what {@link attach} did. */
  detach(dependent: Dependent): void;
  /** By when the caller wants the answer, on the clock of `performance.now()` (wire 2.3). */
  readonly deadline: number | undefined;
  /** The trace of the request (wire 2.7). */
  readonly trace: TraceContext | undefined;
  /** Whether the caller takes progress (wire 2.6). */
  readonly wantsProgress: boolean;
  /**
   * Tells the caller how far it is: any JSON. Who reads slowly may miss some; who doesn't take it gets none.
   *
   * @throws `bad_field`, `frame_too_large`
   */
  readonly progress: (value: unknown) => void;
  /** Gives the response a stream URL, such as of `tracker.createUnixStream`. @throws `bad_field` */
  readonly attachStream: (url: string | URL) => void;
  /**
   * Answers with a response from elsewhere, its text unchanged; null: somebody else answers. What the handler returns counts no
   * more then, what it throws does.
   */
  readonly answerWith: (response: Response | null) => void;
}
