import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommErrorCode } from "@acomm/protocol";
import type { TransportRegistry } from "@acomm/transport";
import type { FoundProvider } from "./found-provider.ts";
import type { TaskProviders } from "./task-providers.ts";

/** Refusals, too, show that somebody is there and takes messages; these don't. */
const saysNothing: ReadonlySet<AcommErrorCode> = new Set(["unavailable", "stopping", "ambiguous", "timeout", "cancelled", "bad_address"]);

/** A message that is no request: whoever reads it refuses it, and runs nothing. */
const probe = '"are you there?"';

/** Finds out whether providers can be asked. */
export class ProviderChecks {
  readonly #registry: TransportRegistry;
  readonly #ackTimeoutMs: number;

  /** @param ackTimeoutMs how long a provider may take to acknowledge */
  constructor(registry: TransportRegistry, ackTimeoutMs: number) {
    this.#registry = registry;
    this.#ackTimeoutMs = ackTimeoutMs;
  }

  /** Whether a provider can be asked: somebody listens, and where it did not acknowledge before, it does so now. Never rejects. */
  // an arrow, so that it can be handed over
  readonly check = (provider: FoundProvider): Promise<boolean> => (provider.isSilent ? this.#acknowledges(provider) : this.#listens(provider));

  /** Sets a provider aside that doesn't acknowledge; asked once at a time, however many calls have timed out. */
  readonly suspect = (task: TaskProviders, provider: FoundProvider): void => {
    if (provider.isSuspected || provider.state !== "ready") return;
    provider.isSuspected = true;
    void this.#acknowledges(provider).then((isThere) => {
      provider.isSuspected = false;
      if (!isThere) task.setAside(provider, true);
    });
  };

  async #listens({ url }: FoundProvider): Promise<boolean> {
    const target = parseUrl(url);
    try {
      return (await this.#registry.lookup(target).probe?.(target)) !== false;
    } catch {
      return false; // a socket that this process may not connect to
    }
  }

  async #acknowledges({ url }: FoundProvider): Promise<boolean> {
    const target = parseUrl(url);
    try {
      await this.#registry.lookup(target).send(target, probe, { timeoutMs: this.#ackTimeoutMs });
      return true;
    } catch (error) {
      return error instanceof AcommError && !saysNothing.has(error.code);
    }
  }
}
