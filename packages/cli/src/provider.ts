import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ServiceNetwork } from "@acomm/transport";
import type { Invocation } from "./command.ts";
import { openNetwork } from "./network.ts";
import { serveUntilInterrupted } from "./server-life.ts";
import type { Server } from "./server-life.ts";
import type { ProviderValues } from "./settings.ts";
import { socketDirectoryOf } from "./target.ts";
import { UsageError } from "./usage-error.ts";

/** A provider, whichever copy of `@acomm/provider` its module has. */
interface ProviderLike extends Server {
  readonly sockets: Readonly<Record<string, string>>;
}

/** What a module's function is given for its provider. */
interface ProviderPlace {
  readonly socketDir: string;
  readonly network: ServiceNetwork | undefined;
}

/** `acomm provider`: runs the provider that a module exports. */
export async function runProvider(invocation: Invocation<ProviderValues>): Promise<number> {
  const { operands, settings, output, interrupts } = invocation;
  const socketDir = socketDirectoryOf(invocation);
  process.env["ACOMM_SOCKET_DIR"] = socketDir; // for modules that make their provider themselves
  await using network = await openNetwork(settings);
  const provider = await loadProvider(operands[0] ?? "", { socketDir, network });
  return await serveUntilInterrupted(provider, () => ({ sockets: provider.sockets }), { graceMs: settings.graceMs, output, interrupts });
}

/**
 * The provider of a module: its default export, or the one that is named `provider`, or what the function that stands there
 * gives for `{ socketDir, network }`.
 *
 * @throws UsageError where there is no such module or provider
 */
async function loadProvider(path: string, place: ProviderPlace): Promise<ProviderLike> {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`there is no module ${file}: give the file that exports the provider`);
  let exported: unknown;
  try {
    const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown; readonly provider?: unknown };
    exported = module.default ?? module.provider;
    if (typeof exported === "function") exported = await (exported as (options: ProviderPlace) => unknown)(place);
  } catch (error) {
    throw new UsageError(`the module ${file} fails: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (isProvider(exported)) return exported;
  throw new UsageError(`the module ${file} exports no provider: export it by default or as provider, or a function that makes it`);
}

function isProvider(value: unknown): value is ProviderLike {
  if (typeof value !== "object" || value === null) return false;
  const { start, stop, sockets } = value as Partial<ProviderLike>;
  return typeof start === "function" && typeof stop === "function" && typeof sockets === "object";
}
