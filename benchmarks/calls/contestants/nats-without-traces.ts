import type { Caller } from "../contestant.ts";
import { connect as connectNats } from "./nats.ts";

export { brokerPid, serve } from "./nats.ts";

/** nats by a user who does without the stack traces of failed requests, which cost every request. */
export const connect = (socketPath: string): Promise<Caller> => connectNats(socketPath, { noAsyncTraces: true });
