/** The server's process: serves as one contestant, and tells its use of the machine when it is asked. */
import { answerLines } from "./answer-lines.ts";
import { contestants } from "./contestant.ts";
import type { Contestant, ContestantName } from "./contestant.ts";
import { usage, usageOf } from "./usage.ts";
import type { Usage } from "./usage.ts";

const [name = "", socketPath = ""] = process.argv.slice(2);
const contestant: Contestant = await contestants[name as ContestantName]();
await contestant.serve(socketPath);
answerLines(usageWithBroker);

function usageWithBroker(): Usage {
  const own = usage();
  const pid = contestant.brokerPid?.();
  if (pid === undefined) return own;
  const broker = usageOf(pid);
  return { cpuSeconds: own.cpuSeconds + broker.cpuSeconds, peakMiB: Math.max(own.peakMiB, broker.peakMiB) };
}
