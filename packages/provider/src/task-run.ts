import { AcommError } from "@acomm/protocol";
import type { AcommUrl, Request, TraceContext } from "@acomm/protocol";
import type { Caller, LazyStreamSource } from "@acomm/tracker";
import type { Deadline, HandlerContext, ServedStream, StreamServer } from "@acomm/transport";
import { Readable } from "node:stream";
import type { Task } from "./task.ts";
import type { TaskContext } from "./task-options.ts";
import type { Place } from "./task-queue.ts";

/** What a {@link TaskRun} works with. */
export interface TaskRunInit {
  readonly request: Request;
  readonly context: HandlerContext;
  /** Serves the stream of the response. */
  readonly streams: StreamServer;
  /** Is left when the handler has ended. */
  readonly place: Place;
  readonly answer: (result: unknown) => void;
  readonly refuse: (error: unknown) => void;
}

/** One request of a task, from its acceptance until its handler has ended. It is what the handler gets as well. */
export class TaskRun implements TaskContext, Deadline {
  readonly request: Request;
  readonly startedAt: number = performance.now();
  args: unknown = undefined;
  /** The task's or the caller's, whichever is first; Infinity where there is none. */
  deadline: number;
  bucket: Deadline["bucket"] = undefined;
  bucketIndex = 0;
  /** Resolves when the handler has ended, answered or not. */
  readonly ended: Promise<void>;
  readonly #task: Task;
  readonly #context: HandlerContext;
  readonly #streams: StreamServer;
  readonly #place: Place;
  readonly #answer: (result: unknown) => void;
  readonly #refuse: (error: unknown) => void;
  #controller: AbortController | undefined;
  #failure: AcommError | undefined;
  #serving: Promise<ServedStream> | undefined;
  #isAnswered = false;

  constructor(task: Task, { request, context, streams, place, answer, refuse }: TaskRunInit) {
    this.request = request;
    this.#task = task;
    this.#context = context;
    this.#streams = streams;
    this.#place = place;
    this.#answer = answer;
    this.#refuse = refuse;
    this.deadline = Infinity;
    this.ended = this.#run();
  }

  /** Made only for handlers that look at it, and for those that have to wait for their turn. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const { signal } = this.#context;
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#failure !== undefined) controller.abort(this.#failure);
      else if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener("abort", () => { this.#contextAborted(signal); }, { once: true });
    }
    return this.#controller.signal;
  }

  /** An arrow, as the others, so that it may be taken out of the context. */
  get progress(): (value: unknown) => void {
    return (value) => {
      if (!this.#isAnswered) this.#context.progress(value);
    };
  }

  get stream(): (source: LazyStreamSource) => Promise<AcommUrl> {
    return (source) => {
      const url = this.#stream(source);
      url.catch(() => undefined); // the run finds it as well, also where the handler doesn't wait for it
      return url;
    };
  }

  get trace(): TraceContext | undefined {
    return this.#context.trace;
  }

  get tracker(): Caller {
    return this.#task.owner.tracker.within({ signal: this.signal, deadline: this.deadline === Infinity ? undefined : this.deadline, trace: this.#context.trace });
  }

  /** Its time has run out: the handler is told, and the caller gets its answer whatever the handler does. */
  expire(): void {
    if (this.#isAnswered) return;
    const { name, owner } = this.#task;
    const { isRunning } = this.#place;
    const error = new AcommError("timeout", `${name}: ${isRunning ? "not done" : "its turn did not come, so it did not run,"} within ${Math.round(this.deadline - this.startedAt)} ms`);
    if (isRunning) owner.overdue.add(this);
    this.#fail(error);
  }

  async #run(): Promise<void> {
    try {
      this.#watchDeadline();
      const turn = this.#place.enter(() => this.signal);
      if (turn !== undefined) await turn;
      this.args = await this.#task.readArgs(this.request);
      if (this.#isAnswered) return;
      const { handle } = this.#task;
      const result = await this.#task.checkResult(this.request, await handle(this));
      await this.#serving;
      this.#succeed(result);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#place.leave();
      this.#task.owner.overdue.delete(this);
    }
  }

  #contextAborted(signal: AbortSignal): void {
    const reason: unknown = signal.reason;
    // its timer and ours are for the same moment; a handler that goes along with its signal must not answer in between
    if (reason instanceof AcommError && reason.code === "timeout") this.expire();
    else this.#controller?.abort(reason);
  }

  #watchDeadline(): void {
    const { timeoutMs = Infinity, owner } = this.#task;
    this.deadline = Math.min(this.startedAt + timeoutMs, this.#context.deadline ?? Infinity);
    if (this.deadline !== Infinity) owner.deadlines.add(this);
  }

  async #stream(source: LazyStreamSource): Promise<AcommUrl> {
    const refusal = this.#refusalOfStream();
    if (refusal !== undefined) {
      if (source instanceof Readable) source.destroy();
      throw refusal;
    }
    this.#serving = this.#task.owner.streams.serve(this.#streams, source, this.request);
    const stream = await this.#serving;
    if (this.#isAnswered) {
      stream.cancel();
      throw new AcommError("cancelled", `${this.#task.name}: the request was answered before its stream was served`);
    }
    this.#context.attachStream(stream.url);
    return stream.url;
  }

  #refusalOfStream(): AcommError | undefined {
    const { name } = this.#task;
    if (this.#isAnswered) return new AcommError("cancelled", `${name}: the request is answered already, it takes no stream any more`);
    return this.#serving === undefined ? undefined : new AcommError("bad_field", `${name}: a response has one stream, and it has it already`);
  }

  #succeed(result: unknown): void {
    if (!this.#end()) return;
    this.#task.doneCount += 1;
    this.#answer(result);
  }

  /** What the handler has begun and not ended ends with it: its stream, its calls and whatever else looks at its signal. */
  #fail(error: unknown): void {
    if (!this.#end()) return;
    this.#task.failedCount += 1;
    this.#task.lastFailure = error instanceof AcommError ? error.code : "remote"; // as the caller has it
    this.#failure = error instanceof AcommError ? error : new AcommError("cancelled", `${this.#task.name}: the handler failed`, { cause: error });
    this.#controller?.abort(this.#failure);
    this.#serving?.then((stream) => { stream.cancel(); }, () => undefined);
    this.#refuse(error);
  }

  /** Whether this is the one answer. */
  #end(): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    this.#task.busyMs += performance.now() - this.startedAt;
    this.#task.owner.deadlines.remove(this);
    return true;
  }
}
