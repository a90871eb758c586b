import { hasProgram } from "../process/program.ts";

/** One way to let two processes call one another over a unix socket. */
export interface Contestant {
  /** Answers every call with its arguments; runs in the server's process. */
  serve(socketPath: string): Promise<void>;
  /** Connects, in the client's process. */
  connect(socketPath: string): Promise<Caller>;
  /** In the server's process: a third one between the two, whose use of the machine counts too. */
  brokerPid?(): number | undefined;
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
  birpc: () => import("./contestants/birpc.ts"),
  "birpc, one write a turn": () => import("./contestants/birpc-gathered.ts"),
  "vscode-jsonrpc": () => import("./contestants/vscode-jsonrpc.ts"),
  jayson: () => import("./contestants/jayson.ts"),
  "grpc-js": () => import("./contestants/grpc-js.ts"),
  undici: () => import("./contestants/undici.ts"),
  "undici, pipelined": () => import("./contestants/undici-pipelined.ts"),
  zeromq: () => import("./contestants/zeromq.ts"),
  nats: () => import("./contestants/nats.ts"),
  "nats, without traces": () => import("./contestants/nats-without-traces.ts"),
  "acomm over nats": () => import("./contestants/acomm-nats.ts"),
} satisfies Record<string, () => Promise<Contestant>>;

export type ContestantName = keyof typeof contestants;

/** Two processes in Go, which are no modules of `contestants/`. */
export const goPeer = "Go peer to itself";

const programs: Readonly<Record<string, string>> = { nats: "nats-server", "nats, without traces": "nats-server", "acomm over nats": "nats-server", [goPeer]: "go" };

/** The program that a contestant needs, npm does not bring, and this machine does not have. */
export function missingProgram(name: string): string | undefined {
  const program = programs[name];
  return program !== undefined && !hasProgram(program) ? program : undefined;
}
