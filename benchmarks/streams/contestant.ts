/** Where a stream can be read. */
export interface StreamAddress {
  readonly url: string;
  /** Whether its writer shows its end; asks the reader for it as well. */
  readonly streamEnd?: "half-close" | undefined;
}

/** One way to write, read and pass on streams. A process of its own runs each of its functions. */
export interface StreamContestant {
  /** Serves so many bytes in chunks to one reader, at a unix socket in the directory. */
  open(stream: { readonly bytes: number; readonly chunkBytes: number }, directory: string): Promise<StreamAddress>;
  /** Reads a unix or http stream to its end; gives how many bytes came. */
  read(address: StreamAddress): Promise<number>;
  /** Serves the stream at another unix socket in the directory. */
  relay(address: StreamAddress, directory: string): Promise<StreamAddress>;
  /** Serves the unix stream over HTTP, on the loopback. */
  proxy(address: StreamAddress): Promise<StreamAddress>;
}

/** The contestants in Node by the name that the tables show; each is a file of this directory. */
export const streamContestants = {
  "acomm, stream() to a function": () => import("./acomm-lent.ts"),
  "acomm, stream() to a writable": () => import("./acomm.ts"),
  "acomm, for await": () => import("./acomm-for-await.ts"),
  "bare pipeline": () => import("./bare-pipeline.ts"),
  "bare onread": () => import("./bare-onread.ts"),
} satisfies Record<string, () => Promise<StreamContestant>>;

export type StreamContestantName = keyof typeof streamContestants;
