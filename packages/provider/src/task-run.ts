import { AcommError } from "@acomm/protocol";
import type { AcommUrl, Request } from "@acomm/protocol";
import type { Caller, LazyStreamSource } from "@acomm/tracker";
import type { Deadline, HandlerContext, UnixStream } from "@acomm/transport";
import { Readable } from "node:stream";
import type { Task } from "./task.ts";
import type { TaskContext } from "./task-options.ts";
import type { Place } from "./task-queue.ts";

/** One request of a task, from its acceptance until its handler has ended. It is what the handler gets as well. */
export class TaskRun implements TaskContext, Deadline {
  readonly request: Request;
  readonly startedAt: number = performance.now();
  args: unknown = undefined;
  deadline: number;
  bucket: Deadline["bucket"] = undefined;
  previous: Deadline["previous"] = undefined;
  next: Deadline["next"] = undefined;
  /** Resolves when the handler has ended, answered or not. */
  readonly ended: Promise<void>;
  readonly #task: Task;
  readonly #context: HandlerContext;
  readonly #place: Place;
  readonly #answer: (result: unknown) => void;
  readonly #refuse: (error: unknown) => void;
  #controller: AbortController | undefined;
  #expired: AcommError | undefined;
  #serving: Promise<UnixStream> | undefined;
  #isAnswered = false;

  /** @param place is left when the handler has ended */
  constructor(task: Task, request: Request, context: HandlerContext, place: Place, answer: (result: unknown) => void, refuse: (error: unknown) => void) {
    this.request = request;
    this.#task = task;
    this.#context = context;
    this.#place = place;
    this.#answer = answer;
    this.#refuse = refuse;
    this.deadline = Math.min(this.startedAt + (task.timeoutMs ?? Infinity), context.deadline ?? Infinity);
    if (this.deadline !== Infinity) task.owner.deadlines.add(this);
    this.ended = this.#run();
  }

  /** Made only for handlers that look at it. */
  get signal(): AbortSignal {
    const { signal } = this.#context;
    if (this.deadline === Infinity) return signal;
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#expired !== undefined) controller.abort(this.#expired);
      else if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener("abort", () => { controller.abort(signal.reason); }, { once: true });
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

  get tracker(): Caller {
    const { trace } = this.#context;
    return this.#task.owner.tracker.within({ signal: this.signal, deadline: this.deadline === Infinity ? undefined : this.deadline, trace });
  }

  /** Its time has run out: the handler is told, and the caller gets its answer whatever the handler does. */
  expire(): void {
    const { name } = this.#task;
    const error = new AcommError("timeout", `${name}: ${this.#place.isRunning ? "not done" : "its turn did not come, and it did not run,"} within ${Math.round(this.deadline - this.startedAt)} ms`);
    this.#expired = error;
    if (this.#place.isRunning) this.#task.owner.overdue.add(this);
    this.#controller?.abort(error);
    this.#fail(error);
  }

  async #run(): Promise<void> {
    try {
      const turn = this.#place.enter(() => this.signal);
      if (turn !== undefined) await turn;
      this.args = await this.#task.readArgs(this.request);
      if (this.#isAnswered) return;
      const result = await this.#task.checkResult(this.request, await this.#task.handle(this));
      await this.#serving;
      this.#succeed(result);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#place.leave();
      this.#task.owner.overdue.delete(this);
    }
  }

  async #stream(source: LazyStreamSource): Promise<AcommUrl> {
    if (this.#isAnswered || this.#serving !== undefined) {
      if (source instanceof Readable) source.destroy();
      throw this.#isAnswered
        ? new AcommError("cancelled", `${this.#task.name}: the request is answered already, it takes no stream any more`)
        : new AcommError("bad_field", `${this.#task.name}: a response has one stream, and it has it already`);
    }
    this.#serving = this.#task.owner.streams.serve(source, this.request);
    const stream = await this.#serving;
    if (this.#isAnswered) {
      stream.cancel();
      throw new AcommError("cancelled", `${this.#task.name}: the request was answered before its stream was served`);
    }
    this.#context.attachStream(stream.url);
    return stream.url;
  }

  #succeed(result: unknown): void {
    if (!this.#end()) return;
    this.#task.doneCount += 1;
    this.#answer(result);
  }

  #fail(error: unknown): void {
    if (!this.#end()) return;
    this.#task.failedCount += 1;
    this.#serving?.then((stream) => { stream.cancel(); }, () => undefined);
    this.#refuse(error);
  }

  /** Whether this is the one answer. */
  #end(): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    this.#task.owner.deadlines.remove(this);
    return true;
  }
}
