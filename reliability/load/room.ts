import { temporaryDirectory } from "@acomm/testing";
import { join } from "node:path";
import { Worker } from "./worker.ts";

/** A directory and the processes of one case; all of it goes with the case. */
export class Room implements AsyncDisposable {
  readonly path: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(path: string, stack: AsyncDisposableStack) {
    this.path = path;
    this.#stack = stack;
  }

  static async open(): Promise<Room> {
    const stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    return new Room(directory.path, stack);
  }

  socket(name: string): string {
    return join(this.path, `${name}.sock`);
  }

  /** Starts a process of `reliability/processes`. */
  async worker(name: string, options: { readonly maxDescriptors?: number } = {}): Promise<Worker> {
    return this.#stack.use(await Worker.start(name, options));
  }

  /** A service of ours, which answers `echo` with the arguments and `hold` once it is released; or the same on a bare socket. */
  async server(path: string, options: { readonly kind?: ServerKind; readonly listener?: object; readonly service?: object; readonly maxDescriptors?: number } = {}): Promise<Worker> {
    const { maxDescriptors, ...details } = options;
    const server = await this.worker("load-server", maxDescriptors === undefined ? {} : { maxDescriptors });
    await server.ask("listen", { path, ...details });
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** `bare` takes frames and gives them back on `node:net` alone; `once` is a peer that closes after each message. */
export type ServerKind = "acomm" | "bare" | "once";
