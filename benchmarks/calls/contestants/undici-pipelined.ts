import type { Caller } from "../contestant.ts";
import { connect as connectUndici } from "./undici.ts";

export { serve } from "./undici.ts";

/** undici by a user who has tried out which pool is the fastest, and whose calls may be repeated: else no POST is pipelined. */
export const connect = (socketPath: string): Promise<Caller> =>
  connectUndici(socketPath, { pool: { connections: 8, pipelining: 128 }, request: { idempotent: true, blocking: false } });
