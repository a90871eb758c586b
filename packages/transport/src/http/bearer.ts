import { badField } from "@acomm/protocol";
import { nodeCrypto } from "../node-modules.ts";
import type { HttpHandler } from "./message-handler.ts";
import { refuse } from "./answer.ts";

/** What RFC 6750 takes as a token. */
const tokenForm = /^[\w.~+/-]+=*$/;

/**
 * Lets in who shows one of the tokens, as `Authorization: Bearer <token>`; others get 401, in a time that tells nothing.
 *
 * @throws `bad_field` without a token, or for one that no header holds
 */
export function requireBearerToken(handler: HttpHandler, tokens: readonly string[]): HttpHandler {
  if (tokens.length === 0) throw badField("tokens is empty, nobody could come in: give one at least, or leave it out");
  const digests = tokens.map((token, index) => {
    if (typeof token === "string" && tokenForm.test(token)) return digestOf(token);
    throw badField(`tokens[${index}] must be letters, digits and - . _ ~ + / with = at its end`); // and is not shown
  });
  return async (request, response) => {
    const [, shown] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    const digest = digestOf(shown ?? "");
    let isKnown = false;
    for (const known of digests) if (nodeCrypto().timingSafeEqual(digest, known)) isKnown = true;
    if (isKnown && shown !== undefined) {
      await handler(request, response);
      return;
    }
    refuse(response, 401, "show a token: Authorization: Bearer <token>", { "www-authenticate": 'Bearer realm="acomm"', connection: "close" });
    if (!request.complete) response.once("finish", () => { request.destroy(); });
  };
}

/** Digests are of one length, and near tokens have digests that are not near. */
function digestOf(token: string): Buffer {
  return nodeCrypto().createHash("sha256").update(token).digest();
}
