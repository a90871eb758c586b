import type { AcommError } from "@acomm/protocol";
import { badField } from "@acomm/protocol";
import type { FrameReceiver } from "./connection.ts";
import type { WaitOptions } from "./transport.ts";
import { waitFor } from "./wait.ts";

/** What a {@link PullReader} needs of its connection. */
interface FrameSource {
  readonly closeError: AcommError | undefined;
  pause(): void;
  resume(): void;
}

/** How many frames are kept before the peer is held back. */
const readAhead = 16;

/** Keeps the frames of a connection until somebody reads them. */
export class PullReader implements FrameReceiver {
  readonly #source: FrameSource;
  readonly #frames: (string | AcommError)[] = [];
  readonly #takers: (() => void)[] = [];
  #isOver = false;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  frame(text: string, start: number, end: number): void {
    this.#push(text.slice(start, end));
  }

  unreadable(error: AcommError): void {
    this.#push(error);
  }

  turnEnded(): void {
    if (this.#frames.length >= readAhead) this.#source.pause();
  }

  drained(): void {
    // each write waits for itself
  }

  inputEnded(): void {
    this.#isOver = true;
    for (const take of this.#takers.splice(0)) take();
  }

  closed(): void {
    this.inputEnded();
  }

  /** The next frame, undefined at the end. @throws what was wrong with it, or ended the connection. */
  next(options: WaitOptions): Promise<string | undefined> {
    return waitFor<string | undefined>("read a frame", options, (resolve, reject) => {
      const take = (): void => {
        const frame = this.#frames.shift();
        if (this.#frames.length < readAhead) this.#source.resume();
        const error = typeof frame === "string" ? undefined : (frame ?? this.#source.closeError);
        if (error === undefined) resolve(frame as string | undefined);
        else reject(error);
      };
      if (this.#frames.length > 0 || this.#isOver) {
        take();
        return;
      }
      this.#takers.push(take);
      return () => { this.#takers.splice(this.#takers.indexOf(take), 1); };
    });
  }

  #push(frame: string | AcommError): void {
    this.#frames.push(frame);
    this.#takers.shift()?.();
  }
}

/** What is thrown where a connection would be read in two ways. */
export function takenError(): AcommError {
  return badField("the connection has a receiver already: either read() or receive(), once");
}
