/** The server's process: serves as one contestant, and tells its use of the processor and of memory when it is asked. */
import { contestants } from "./contestant.ts";
import type { ContestantName } from "./contestant.ts";

const [name = "", socketPath = ""] = process.argv.slice(2);
const contestant = await contestants[name as ContestantName]();
await contestant.serve(socketPath);
process.on("message", () => process.send?.(usage()));
process.on("disconnect", () => process.exit());
process.send?.(usage());

/** Seconds of processor time so far and the largest resident set, in MiB. */
function usage(): { readonly cpuSeconds: number; readonly peakMiB: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: maxRSS / 1024 };
}
