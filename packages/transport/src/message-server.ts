import { acceptedReplyText, encodeErrorText, encodeRefusal } from "@acomm/protocol";
import type { AcommError } from "@acomm/protocol";
import type { FrameReceiver } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import { LinkedList } from "./linked-list.ts";
import type { Linked } from "./linked-list.ts";
import type { IncomingConnection, Listener, StopOptions, StopReport } from "./transport.ts";
import { stoppingError } from "./wait.ts";

/** The longest text of a refusal, in characters. */
const maxRefusalLength = 1000;

/** @internal Work that begins once its acknowledgement is on its way: with the kernel, where there is a socket. */
export interface AcceptedWork {
  /** Whether the answer goes back on the connection (wire 2.8), which the acknowledgement then announces. */
  readonly answersHere: boolean;
  /** Whether it goes on when `start` has returned; whoever accepted it then tells the connection when it is settled. @default false */
  readonly lasts?: boolean;
  /** Begins; called once, when the acknowledgement is with the kernel. */
  start(): void;
  /** The acknowledgement never left, so the sender counts it as not accepted. */
  discard(): void;
}

/** @internal Decides on every message that comes in. */
export interface Acceptor {
  /** Takes one message, whose JSON stands in the text from `start` to `end`, or throws an AcommError that becomes the refusal. */
  accept(text: string, start: number, end: number, connection: ServerConnection): AcceptedWork;
  /** The connection ended: nothing more can be answered on it. */
  connectionEnded(connection: ServerConnection): void;
}

/**
 * @internal Takes the connections of a listener and their frames: acknowledges each frame in order, all frames of one turn in one
 * write, and starts the accepted work after that write.
 */
export class MessageServer {
  readonly #listener: Listener;
  readonly #acceptor: Acceptor;
  readonly #connections = new LinkedList<ServerConnection>();
  readonly #loop: Promise<void>;

  /** @param listener a listener that is started and that nobody else takes connections from */
  constructor(listener: Listener, acceptor: Acceptor) {
    this.#listener = listener;
    this.#acceptor = acceptor;
    this.#loop = this.#takeConnections();
  }

  /** Accepts no more connections; resolves when `ready` has, every connection is flushed and closed, or cut. */
  async stop(ready: Promise<unknown>, options: StopOptions): Promise<StopReport> {
    const stopped = this.#listener.stop(options);
    stopped.catch(() => undefined); // thrown below, when its turn comes
    await ready;
    for (const connection of this.#connections.values()) connection.close();
    const report = await stopped;
    await this.#loop;
    return report;
  }

  async #takeConnections(): Promise<void> {
    for (let connection = await this.#listener.nextConnection(); connection !== undefined; connection = await this.#listener.nextConnection()) {
      const server = new ServerConnection(connection, this.#acceptor, () => {
        this.#connections.delete(server);
        this.#listener.doneConnection(server.connection);
      });
      this.#connections.add(server);
      connection.receive(server);
    }
  }
}

/** @internal The receiving side of a connection. */
export class ServerConnection implements FrameReceiver, Linked<ServerConnection> {
  list: object | undefined;
  previous: ServerConnection | undefined;
  next: ServerConnection | undefined;
  /** By which its messages come in. */
  readonly connection: IncomingConnection;
  /** How many answers it is still to carry; kept by the acceptor. */
  openAnswers = 0;
  readonly #acceptor: Acceptor;
  readonly #onClosed: () => void;
  /** Of this turn. */
  #accepted: AcceptedWork[] = [];
  /** Of earlier turns, whose acknowledgements the kernel has not taken yet; those of each turn. */
  #unflushed: Fifo<AcceptedWork[]> | undefined;
  #hasAnnouncedReply = false;
  #isOver = false;
  #hasSpoken = false;

  constructor(connection: IncomingConnection, acceptor: Acceptor, onClosed: () => void) {
    this.connection = connection;
    this.#acceptor = acceptor;
    this.#onClosed = onClosed;
  }

  /** Whether answers can still be written. */
  get isOpen(): boolean {
    return !this.#isOver;
  }

  get isIdle(): boolean {
    return this.#hasSpoken && this.openAnswers === 0 && this.#accepted.length === 0 && !this.#hasUnflushed;
  }

  /** Writes the text of an answer with the others of this turn; `route` is that of its request. @throws `frame_too_large` */
  answer(text: string, route: unknown): void {
    this.connection.enqueue(text, route);
    if (this.connection.isBlocked) this.connection.pause(); // who doesn't take answers may not ask for more
  }

  /** Takes no more frames, flushes and ends. */
  close(): void {
    // who has heard nothing yet can't know that a frame without an acknowledgement was not accepted
    if (!this.#hasSpoken) this.#acknowledge(encodeRefusal(stoppingError(), { keepAlive: false }));
    this.connection.close();
  }

  frame(text: string, start: number, end: number): void {
    let work: AcceptedWork;
    try {
      work = this.#acceptor.accept(text, start, end, this);
    } catch (error) {
      this.#acknowledge(refusalText(error));
      return;
    }
    this.#accepted.push(work);
    this.#hasSpoken = true;
    if (!work.answersHere || this.#hasAnnouncedReply) {
      this.connection.enqueueAccepted(work.answersHere, work.lasts);
    } else {
      this.#hasAnnouncedReply = true;
      this.connection.enqueueAcknowledgement(acceptedReplyText);
    }
  }

  unreadable(error: AcommError): void {
    this.#acknowledge(refusalText(error));
  }

  turnEnded(): void {
    const { connection } = this;
    connection.flush();
    connection.setUnderWay?.(this.openAnswers);
    if (this.#accepted.length > 0) this.#startWhenFlushed();
    if (connection.isBlocked) connection.pause();
  }

  drained(): void {
    this.connection.resume();
  }

  inputEnded(): void {
    if (this.#isOver) return;
    const { closeError } = this.connection;
    if (closeError !== undefined && !this.connection.isClosed) this.#acknowledge(encodeRefusal(closeError, { keepAlive: false }));
    this.connection.flush();
    this.#end();
    this.connection.close();
  }

  closed(): void {
    for (const turn of this.#unflushed?.drain() ?? []) for (const work of turn) work.discard();
    this.#end();
    this.#onClosed();
  }

  #acknowledge(text: string): void {
    this.#hasSpoken = true;
    this.connection.enqueueAcknowledgement(text);
  }

  /** Accepted means written down: nothing starts before its acknowledgement is with the kernel. */
  #startWhenFlushed(): void {
    const accepted = this.#accepted;
    this.#accepted = [];
    if (!this.#hasUnflushed && this.connection.isFlushed) {
      startAll(accepted);
      return;
    }
    const unflushed = (this.#unflushed ??= new Fifo());
    unflushed.push(accepted);
    this.connection.afterFlush(() => { startAll(unflushed.shift() ?? []); });
  }

  get #hasUnflushed(): boolean {
    return this.#unflushed !== undefined && this.#unflushed.size > 0;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#acceptor.connectionEnded(this);
  }
}

/** Empties the list: where it has grown old, what was in it would stay until the next full collection. */
function startAll(accepted: AcceptedWork[]): void {
  for (const work of accepted) work.start();
  accepted.length = 0;
}

/** A refusal after which the connection goes on; what an application throws may be long, an acknowledgement is short. */
function refusalText(error: unknown): string {
  const text = encodeErrorText(error);
  return encodeRefusal(text.length > maxRefusalLength ? `${text.slice(0, maxRefusalLength)}…` : text, { keepAlive: true });
}
