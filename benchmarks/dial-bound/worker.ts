/** One side of the dial-bound benchmark: the peer, or one of its callers. */
import { callLoop } from "../call-loop.ts";
import type { Caller } from "../calls/contestant.ts";
import { connect as connectAcomm } from "../calls/contestants/acomm.ts";
import { connect as connectBare, serve } from "../calls/contestants/connection-per-message.ts";
import { payloadOf } from "../payload.ts";
import { answer } from "../process/answer.ts";

const args = payloadOf(200);
let caller: Promise<Caller> | undefined;

answer({
  serve: ({ socketPath }: { readonly socketPath: string }) => serve(socketPath),
  /** Without a number of dials it calls as acomm. */
  async call({ socketPath, inFlight, dials, calls }: { readonly socketPath: string; readonly inFlight: number; readonly dials?: number; readonly calls: number }) {
    caller ??= dials === undefined ? connectAcomm(socketPath) : connectBare(socketPath, dials);
    const connected = await caller;
    return callLoop(calls, inFlight, () => connected.call(args));
  },
});
