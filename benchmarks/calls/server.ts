/** The server's process: serves as one contestant, and tells its use of the machine when it is asked. */
import { answer } from "../process/answer.ts";
import { usage, usageOf } from "../process/usage.ts";
import type { Usage } from "../process/usage.ts";
import { contestants } from "./contestant.ts";
import type { Contestant, ContestantName } from "./contestant.ts";

const [name = "", socketPath = ""] = process.argv.slice(2);
const contestant: Contestant = await contestants[name as ContestantName]();
await contestant.serve(socketPath);
answer({ usage: usageWithBroker });

function usageWithBroker(): Usage {
  const own = usage();
  const pid = contestant.brokerPid?.();
  if (pid === undefined) return own;
  const broker = usageOf(pid);
  return { ...own, cpuSeconds: own.cpuSeconds + broker.cpuSeconds, peakMiB: Math.max(own.peakMiB, broker.peakMiB) };
}
