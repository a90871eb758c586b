import type { NatsNetwork } from "@acomm/transport-nats";
import { readFile } from "node:fs/promises";
import type { NetworkValues } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

/** The network of the server that the settings name, whose library is loaded only then. @throws UsageError that never holds credentials */
export async function openNetwork({ nats, natsCreds }: NetworkValues): Promise<NatsNetwork | undefined> {
  if (nats === undefined) return undefined;
  const credentials = natsCreds === undefined ? undefined : await readFile(natsCreds).catch((error: unknown) => {
    throw new UsageError(`--nats-creds can't be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}): ${natsCreds}`);
  });
  const { createNatsNetwork } = await import("@acomm/transport-nats");
  return createNatsNetwork({ server: nats, credentials });
}
