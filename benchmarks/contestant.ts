/** One way to let two processes call one another over a unix socket. */
export interface Contestant {
  /** Answers every call with its arguments; runs in the server's process. */
  serve(socketPath: string): Promise<void>;
  /** Connects, in the client's process. */
  connect(socketPath: string): Promise<Caller>;
}

/** The calling side. */
export interface Caller {
  call(args: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** The contestants by the name that the table shows; each is a file of `contestants/`. */
export const contestants = {
  acomm: () => import("./contestants/acomm.ts"),
  "bare net": () => import("./contestants/bare-net.ts"),
  "one connection per message": () => import("./contestants/connection-per-message.ts"),
} satisfies Record<string, () => Promise<Contestant>>;

export type ContestantName = keyof typeof contestants;
