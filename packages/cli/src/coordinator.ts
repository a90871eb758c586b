import { Coordinator } from "@acomm/coordinator";
import type { CoordinatorHttpOptions } from "@acomm/coordinator";
import { readFile } from "node:fs/promises";
import { socketPathOf } from "@acomm/protocol";
import { readTokens } from "./caller.ts";
import type { Invocation } from "./command.ts";
import { isAcommError } from "./exit-codes.ts";
import { openNetwork } from "./network.ts";
import { serveUntilInterrupted } from "./server-life.ts";
import type { CoordinatorValues } from "./settings.ts";
import { socketDirectoryOf } from "./target.ts";
import { UsageError } from "./usage-error.ts";

/** `acomm coordinator`: serves the door to the providers of a socket directory, and of a network. */
export async function runCoordinator(invocation: Invocation<CoordinatorValues>): Promise<number> {
  const { settings, output, interrupts } = invocation;
  const { name, admitTasks, admitHooks, admitStreams, maxHops, waitForProviderMs, graceMs } = settings;
  const socketDir = socketDirectoryOf(invocation);
  const http = await readHttp(settings);
  await using network = await openNetwork(settings);
  const coordinator = create(() => new Coordinator({ socketDir, network, name, http, admit: { taskUrls: admitTasks, hooks: admitHooks, streams: admitStreams }, maxHops, waitForProviderMs }));
  return await serveUntilInterrupted(coordinator, () => ({ sockets: { coordinator: socketPathOf(coordinator.url) }, http: coordinator.httpUrl?.href }), { graceMs, output, interrupts });
}

const httpSettings = { publicUrl: "--public-url", tlsCert: "--tls-cert", tlsKey: "--tls-key", maxWaitMs: "--max-wait" } as const;

/** @throws UsageError where a setting of the HTTP door has no door, or a file can't be read */
async function readHttp(settings: CoordinatorValues): Promise<CoordinatorHttpOptions | undefined> {
  const { http, publicUrl, allowHosts, allowOrigins, tokenFile, tlsCert, tlsKey, maxWaitMs } = settings;
  if (http === undefined) {
    const given = Object.entries(httpSettings).find(([key]) => settings[key as keyof typeof httpSettings] !== undefined)?.[1] ?? (allowHosts.length > 0 ? "--allow-host" : allowOrigins.length > 0 ? "--allow-origin" : undefined);
    if (given !== undefined) throw new UsageError(`${given} is about the HTTP door, and there is none: open it with --http PORT`);
    return undefined;
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new UsageError("--tls-cert and --tls-key belong together: give both or none");
  return {
    ...http,
    publicUrl,
    allowedHosts: allowHosts.length === 0 ? undefined : allowHosts,
    allowedOrigins: allowOrigins,
    tokens: tokenFile === undefined ? undefined : await readTokens(tokenFile),
    tls: tlsCert === undefined || tlsKey === undefined ? undefined : { cert: await read(tlsCert, "--tls-cert"), key: await read(tlsKey, "--tls-key") },
    maxWaitMs,
  };
}

async function read(file: string, flag: string): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    throw new UsageError(`${flag} can't be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}): ${file}`);
  });
}

/** What the coordinator refuses, it was told by our settings. */
function create(make: () => Coordinator): Coordinator {
  try {
    return make();
  } catch (error) {
    if (isAcommError(error)) throw new UsageError(error.message);
    throw error;
  }
}
