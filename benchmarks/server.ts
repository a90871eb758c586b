/** The server's process: serves as one contestant, and tells its use of the machine when it is asked. */
import { answerLines } from "./answer-lines.ts";
import { contestants } from "./contestant.ts";
import type { ContestantName } from "./contestant.ts";
import { usage } from "./usage.ts";

const [name = "", socketPath = ""] = process.argv.slice(2);
const contestant = await contestants[name as ContestantName]();
await contestant.serve(socketPath);
answerLines(usage);
