/** One side of the scale benchmark: the process of all peers, or the one that calls them, as acomm or over bare sockets. */
import { Tracker } from "@acomm/tracker";
import { callLoop } from "../call-loop.ts";
import * as acomm from "../calls/contestants/acomm.ts";
import * as bareNet from "../calls/contestants/bare-net.ts";
import { payloadOf } from "../payload.ts";
import { answer } from "../process/answer.ts";

export type ScaleCaller = "acomm" | "bare net";

/** Calls the peer of that number. */
type CallPeer = (peer: number) => Promise<unknown>;

const caller = process.argv[2] as ScaleCaller;
const args = payloadOf(200);
let call: CallPeer;

answer({
  async serve({ socketPaths }: { readonly socketPaths: readonly string[] }) {
    const { serve } = caller === "acomm" ? acomm : bareNet;
    for (const path of socketPaths) await serve(path);
  },
  /** Leaves a connection to each of these. */
  async connect({ socketPaths }: { readonly socketPaths: readonly string[] }) {
    call = await (caller === "acomm" ? connectAcomm(socketPaths) : connectBare(socketPaths));
    await callLoop(socketPaths.length, 16, call);
  },
  /** Calls the first of the connected peers in turn. */
  async call({ calls, inFlight, peers }: { readonly calls: number; readonly inFlight: number; readonly peers: number }) {
    const { seconds, errors, firstError } = await callLoop(calls, inFlight, (index) => call(index % peers));
    if (errors > 0) throw new Error(`${errors} calls failed: ${firstError}`);
    return { seconds };
  },
});

async function connectAcomm(socketPaths: readonly string[]): Promise<CallPeer> {
  const tracker = new Tracker();
  await tracker.start();
  const urls = socketPaths.map((path) => `unix://${path}`);
  return (peer) => tracker.request(urls[peer] ?? "", { task: "echo", args });
}

async function connectBare(socketPaths: readonly string[]): Promise<CallPeer> {
  const callers = await Promise.all(socketPaths.map((path) => bareNet.connect(path)));
  return (peer) => callers[peer]?.call(args) ?? Promise.reject(new Error("no such peer"));
}
