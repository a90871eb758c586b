import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { createHttpTransport } from "./http/transport.ts";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";

/** Finds the transport of a URL by its scheme. A value that is passed in; there is no global one. */
export interface TransportRegistry extends AsyncDisposable {
  /**
   * Adds a transport.
   *
   * @param options.isBorrowed whether somebody else closes it, such as the network that it belongs to, @default false
   * @throws AcommError `bad_field` where one of its schemes is taken
   */
  register(transport: Transport, options?: { readonly isBorrowed?: boolean | undefined }): void;
  /** @throws AcommError `unknown_scheme`, naming the schemes that are known. */
  lookup(url: AcommUrl): Transport;
  /** Takes a URL as a string or `URL`. @throws AcommError `bad_field` */
  parse(url: string | URL): AcommUrl;
  /** Closes every transport but the borrowed ones. */
  close(): Promise<void>;
}

/**
 * A registry of transports by URL scheme.
 *
 * @param transports @default unix and http(s), each with its own defaults
 */
export function createRegistry(transports: readonly Transport[] = [createUnixTransport(), createHttpTransport()]): TransportRegistry {
  const byScheme = new Map<string, Transport>();
  const owned = new Set<Transport>();
  const close = async (): Promise<void> => {
    await Promise.all([...owned].map((transport) => transport.close()));
  };
  const registry: TransportRegistry = {
    register(transport, { isBorrowed = false } = {}) {
      const taken = transport.schemes.find((scheme) => byScheme.has(scheme));
      if (taken !== undefined) throw new AcommError("bad_field", `the scheme ${taken} has a transport already: make a registry without it`);
      for (const scheme of transport.schemes) byScheme.set(scheme, transport);
      if (!isBorrowed) owned.add(transport);
    },
    lookup(url) {
      const scheme = url.protocol.slice(0, -1);
      const transport = byScheme.get(scheme);
      if (transport !== undefined) return transport;
      throw new AcommError("unknown_scheme", `no transport for ${scheme}: the registry knows ${[...byScheme.keys()].join(", ")}, and createRegistry([…]) takes others`);
    },
    parse: (url) => parseUrl(url),
    close,
    [Symbol.asyncDispose]: close,
  };
  for (const transport of transports) registry.register(transport);
  return registry;
}
