import { Duplex } from "node:stream";

/**
 * Two byte streams, each of which reads what the other writes. Unlike those of `duplexPair` they end as sockets do, on every
 * Node: whoever writes to a side that is gone gets EPIPE, and a side that goes with bytes unread resets the other.
 */
export function createStreamPair(): readonly [Duplex, Duplex] {
  const here = new Side();
  const there = new Side();
  here.other = there;
  there.other = here;
  return [here, there];
}

class Side extends Duplex {
  other!: Side;
  /** Ends the other's write that waits until this side has read. */
  #taken: ((error?: Error | null) => void) | undefined;
  #hasEnded = false;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { other } = this;
    if (chunk.length === 0) done(); // it only tells when what was written before it is taken
    else if (other.destroyed) done(socketError("EPIPE", "write"));
    else other.#receive(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.other.#end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { other } = this;
    const taken = this.#taken;
    this.#taken = undefined;
    if (this.readableLength > 0 && other.readableLength === 0 && !other.#hasEnded) {
      process.nextTick(() => { other.destroy(socketError("ECONNRESET", "read")); });
    } else {
      other.#end();
    }
    process.nextTick(() => taken?.(socketError("EPIPE", "write")));
    done(error);
  }

  /** Takes bytes in a turn of their own, so that a reader never runs inside the writer's call. */
  #receive(chunk: Buffer, done: (error?: Error | null) => void): void {
    process.nextTick(() => {
      if (this.destroyed) done(socketError("EPIPE", "write"));
      else if (this.push(chunk) || this.#isDestroyed()) done(); // a reader that leaves as it takes the chunk has taken it
      else this.#taken = done;
    });
  }

  /** Asked anew: handing over a chunk may have changed it. */
  #isDestroyed(): boolean {
    return this.destroyed;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    process.nextTick(() => {
      if (!this.destroyed) this.push(null);
    });
  }
}

function socketError(code: string, call: string): Error {
  return Object.assign(new Error(`${call} ${code}`), { code, syscall: call });
}
