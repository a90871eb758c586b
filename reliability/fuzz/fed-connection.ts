import { decodeAcknowledgement, decodeErrorText, decodeResponse, FrameDecoder, isAnswer } from "@acomm/protocol";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { verdictOn } from "./verdict.ts";
import type { Role } from "./verdict.ts";

/** How long the target may take for a batch, in milliseconds: far more than it needs. */
const batchMs = 10_000;

/** What the target said to one batch. */
export interface Heard {
  /** The acknowledgements in their order: `accepted`, or the code of the refusal. */
  readonly acknowledgements: readonly string[];
  /** Whether the connection is over, as it has to be after a batch whose framing is broken. */
  readonly isOver: boolean;
}

/** A connection on which batches of frames are fed to the target, and its word is compared with that of the codecs. */
export class FedConnection {
  readonly #socket: Socket;
  readonly #role: Role;
  readonly #decoder = new FrameDecoder();
  #acknowledgements: string[] = [];
  #answers: string[] = [];
  #problem: string | undefined;
  #isOver = false;
  #onProgress = (): void => undefined;

  private constructor(socket: Socket, role: Role) {
    this.#socket = socket;
    this.#role = role;
    const over = (): void => {
      this.#isOver = true;
      this.#onProgress();
    };
    socket.on("error", (error) => { this.#problem ??= String(error); });
    socket.on("end", over);
    socket.on("close", over);
    socket.on("data", (chunk) => {
      try {
        this.#decoder.scan(chunk, (source, start, end) => { this.#hear(Buffer.from(source.subarray(start, end)).toString()); });
      } catch (error) {
        this.#problem ??= `what it wrote can't be read: ${String(error)}`;
      }
      this.#onProgress();
    });
  }

  static async open(path: string, role: Role): Promise<FedConnection> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, "connect");
    return new FedConnection(socket, role);
  }

  /**
   * Writes a batch in the pieces given and waits for all that the target has to say to it.
   *
   * @throws Error where it says something else, or not all
   */
  async feed(pieces: readonly Buffer[]): Promise<Heard> {
    const verdict = verdictOn(Buffer.concat(pieces), this.#role);
    const isLast = verdict.isBroken || verdict.isPartial;
    this.#acknowledgements = [];
    this.#answers = [];
    for (const piece of pieces) {
      this.#socket.write(piece);
      if (piece !== pieces.at(-1)) await new Promise((resolve) => setImmediate(resolve));
    }
    if (verdict.isPartial) this.#socket.end();
    const owed = (ids: readonly string[]): string[] => ids.filter((id) => !verdict.cancelled.includes(id)).toSorted();
    const due = owed(verdict.answers);
    await this.#until(() => this.#isOver || (!isLast && this.#acknowledgements.length >= verdict.acknowledgements.length && owed(this.#answers).length >= due.length));
    const answered = owed(this.#answers);
    // a request of a connection that ends may go without its answer
    const answers = isLast ? due.filter((id) => answered.includes(id)).slice(0, answered.length) : due;
    this.#compare("acknowledgements", this.#acknowledgements, verdict.acknowledgements);
    this.#compare("answers", answered, answers);
    if (this.#isOver !== isLast) throw new Error(`${this.#role}: the connection ${isLast ? "goes on" : "has ended"}`);
    if (this.#problem !== undefined && !isLast) throw new Error(`${this.#role}: ${this.#problem}`);
    if (isLast) this.#socket.destroy();
    return { acknowledgements: this.#acknowledgements, isOver: isLast };
  }

  /** Ends it as a peer does that has all it wants. */
  async close(): Promise<void> {
    this.#socket.end();
    await this.#until(() => this.#isOver);
    this.#socket.destroy();
  }

  #hear(text: string): void {
    try {
      if (isAnswer(text)) {
        this.#answers.push(decodeResponse(text).id);
        return;
      }
      const { error } = decodeAcknowledgement(text);
      this.#acknowledgements.push(error === "" ? "accepted" : decodeErrorText(error).code);
    } catch (error) {
      this.#problem ??= `${String(error)}: ${text.slice(0, 200)}`;
    }
  }

  #compare(what: string, heard: readonly string[], expected: readonly string[]): void {
    const at = expected.findIndex((word, index) => !agrees(heard[index], word, this.#role));
    if (at < 0 && heard.length === expected.length) return;
    const index = at < 0 ? expected.length : at;
    throw new Error(`${this.#role}: ${heard.length} ${what} instead of ${expected.length}; number ${index} is ${String(heard[index])} instead of ${String(expected[index])}${this.#problem === undefined ? "" : `; ${this.#problem}`}`);
  }

  async #until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#onProgress = () => {
      if (holds()) resolve(undefined);
    };
    const timer = setTimeout(() => { resolve(undefined); }, batchMs);
    this.#onProgress();
    await promise;
    clearTimeout(timer);
    this.#onProgress = () => undefined;
  }
}

/** A response that can be read may have no request that is open for it. */
function agrees(heard: string | undefined, expected: string, role: Role): boolean {
  return heard === expected || (role === "response socket" && expected === "accepted" && heard === "unknown_id");
}
