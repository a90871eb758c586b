import { AcommError, badField, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { createHttpTransport } from "./http/transport.ts";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";

/** Transports by URL scheme, made by {@link createRegistry}. There is no global one. */
export interface TransportRegistry extends AsyncDisposable {
  /**
   * Adds a transport.
   *
   * @param options.isBorrowed whether somebody else closes it, @default false
   * @throws `bad_field` where a scheme is taken
   */
  register(transport: Transport, options?: { readonly isBorrowed?: boolean | undefined }): void;
  /** @throws `unknown_scheme`, naming those that are known */
  lookup(url: AcommUrl): Transport;
  /** @internal Takes a string or a URL. @throws `bad_field` */
  parse(url: string | URL): AcommUrl;
  /** Closes all but the borrowed ones. */
  close(): Promise<void>;
}

/** Transports by URL scheme. @param transports @default unix and http(s) */
export function createRegistry(transports: readonly Transport[] = [createUnixTransport(), createHttpTransport()]): TransportRegistry {
  const byScheme = new Map<string, Transport>();
  const owned = new Set<Transport>();
  const close = async (): Promise<void> => {
    await Promise.all([...owned].map((transport) => transport.close()));
  };
  const registry: TransportRegistry = {
    register(transport, { isBorrowed = false } = {}) {
      const taken = transport.schemes.find((scheme) => byScheme.has(scheme));
      if (taken !== undefined) throw badField(`the scheme ${taken} has a transport already: make a registry without it`);
      for (const scheme of transport.schemes) byScheme.set(scheme, transport);
      if (!isBorrowed) owned.add(transport);
    },
    lookup(url) {
      const scheme = url.protocol.slice(0, -1);
      const transport = byScheme.get(scheme);
      if (transport !== undefined) return transport;
      throw new AcommError("unknown_scheme", `no transport for ${scheme}: the registry knows ${[...byScheme.keys()].join(", ")}`);
    },
    parse: (url) => parseUrl(url),
    close,
    [Symbol.asyncDispose]: close,
  };
  for (const transport of transports) registry.register(transport);
  return registry;
}
