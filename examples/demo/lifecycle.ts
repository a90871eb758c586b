import { once } from "node:events";

/** What a process of the demo tells main.ts when others can reach it. */
export interface Ready {
  readonly ready: string;
}

/** Tells main.ts at which URL this process can be reached. */
export function announce(url: string): void {
  process.send?.({ ready: url } satisfies Ready);
}

/** Waits until main.ts wants this process to end, or is gone itself. */
export async function toldToStop(): Promise<void> {
  process.on("SIGINT", () => undefined); // Ctrl-C reaches every process of the terminal: main.ts decides
  await Promise.race([once(process, "SIGTERM"), once(process, "disconnect")]);
  if (process.connected) process.disconnect();
}
