import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";

import { storedPrefix } from "./store.ts";

const defaultPort = 4222;

/** Where a URL leads. */
export interface Address {
  readonly subject: string;
  /** Whether what is sent there is stored by the server until it is done with. */
  readonly isDurable: boolean;
}

/** The server of a URL or of the option `server`, as `host:port` in lower case. @throws `bad_field` */
export function authorityOf(server: string | URL): string {
  const text = String(server);
  const url = parseUrl(text.includes("://") ? text : `nats://${text}/`, { field: "server" });
  if (url.protocol !== "nats:" || url.hostname === "") throw new AcommError("bad_field", "server must be a URL such as nats://127.0.0.1:4222");
  return `${url.hostname}:${url.port === "" ? defaultPort : url.port}`;
}

/** The URL of a subject. */
export function urlOf(authority: string, { subject, isDurable }: Address): AcommUrl {
  return parseUrl(`nats://${authority}/${encodeURIComponent(subject)}${isDurable ? "?durable" : ""}`);
}

/**
 * What a URL names.
 *
 * @throws `bad_address` where it names nothing that may be sent to; `forbidden_target` where it is of another server,
 * which shall not see the credentials of this one
 */
export function addressOf(url: AcommUrl, authority: string): Address {
  const own = `${url.hostname}:${url.port === "" ? defaultPort : url.port}`;
  if (own !== authority) throw new AcommError("forbidden_target", `nats://${own} is not the server of this network, which is nats://${authority}: make a network for it`);
  let subject = "";
  try {
    subject = decodeURIComponent(url.pathname.slice(1));
  } catch {
    // it is refused below
  }
  return { subject: checkSubject(subject), isDurable: url.search === "?durable" };
}

/** A subject that can be listened at and sent to: no wildcards, and none of the server's own. @throws `bad_address` */
export function checkSubject(subject: string): string {
  // what begins with $ are the interfaces of the server, and what is stored has its own URL: one out of a message must not reach them
  // eslint-disable-next-line no-control-regex -- control characters would be commands to the server
  if (subject !== "" && !subject.startsWith("$") && !subject.startsWith(storedPrefix) && !/[\u0000-\u0020\u007f*>]/.test(subject) && subject.split(".").every((token) => token !== "")) return subject;
  throw new AcommError("bad_address", `${JSON.stringify(subject)} is no subject to send to: give tokens with dots between them, no * or >, no white space, no $ or acomm.durable at the beginning`);
}
