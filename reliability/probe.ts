import { readdir, readFile } from "node:fs/promises";

/** What a process holds, as the kernel counts it. */
export interface Holdings {
  readonly rssBytes: number;
  readonly descriptors: number;
  /** Processor time since it began, in seconds. */
  readonly cpuSeconds: number;
}

/** How the event loop of this process ran since it was last asked, and what keeps the process alive. */
export interface LoopReading {
  /** The longest that the loop was late, in milliseconds. */
  readonly maxDelayMs: number;
  readonly p99DelayMs: number;
  /** The longest that the loop was late while this process itself was at work: of a delay, what it had the processor for. */
  readonly maxBusyMs: number;
  /** What Node counts as active, by its name for it, such as `Timeout` or `PipeWrap`. */
  readonly handles: Readonly<Record<string, number>>;
}

const clockTicksPerSecond = 100; // Linux tells it to programs so, whatever the kernel uses

/** How many descriptors a process started from here may have. */
export async function descriptorLimit(): Promise<number> {
  return Number(/^Max open files\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
}

/** Reads what a process holds from outside; that works for a stopped or busy process too. Linux only. */
export async function holdingsOf(pid: number): Promise<Holdings> {
  const [status, stat, descriptors] = await Promise.all([readFile(`/proc/${pid}/status`, "utf8"), readFile(`/proc/${pid}/stat`, "utf8"), readdir(`/proc/${pid}/fd`)]);
  const rssKibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  // the fields follow the name, which stands in parentheses and may hold spaces
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { rssBytes: rssKibibytes * 1024, descriptors: descriptors.length, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond };
}

/**
 * Watches the event loop of this process by a timer that should fire every 5 ms; each call of what it gives reads what was
 * seen since the last one. (`monitorEventLoopDelay` of Node 26 does not see a turn that is held up by plain code.)
 */
export function watchLoop(): () => LoopReading {
  const beatMs = 5;
  let delays: number[] = [];
  let maxBusyMs = 0;
  let last = performance.now();
  let lastUsage = process.cpuUsage();
  const beat = (): void => {
    const now = performance.now();
    const usage = process.cpuUsage(lastUsage); // of all its threads
    const delayMs = Math.max(now - last - beatMs, 0);
    delays.push(delayMs);
    maxBusyMs = Math.max(maxBusyMs, Math.min(delayMs, (usage.user + usage.system) / 1000));
    last = now;
    lastUsage = process.cpuUsage();
  };
  setInterval(beat, beatMs).unref();
  return () => {
    beat(); // a delay that is going on counts too
    delays.sort((a, b) => a - b);
    const maxDelayMs = delays.at(-1) ?? 0;
    const p99DelayMs = delays[Math.floor(delays.length * 0.99)] ?? maxDelayMs;
    const reading = { maxDelayMs, p99DelayMs, maxBusyMs };
    delays = [];
    maxBusyMs = 0;
    const handles: Record<string, number> = {};
    for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
    return { ...reading, handles };
  };
}
