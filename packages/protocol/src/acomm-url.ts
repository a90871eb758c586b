import type { AcommError } from "./acomm-error.ts";
import { badField } from "./acomm-error.ts";
import { foldKey, kindOf, utf8Length } from "./fields.ts";

/** The longest URL, in characters. */
export const maxUrlLength = 8192;
/** The longest path of a unix socket that every system takes. */
export const maxSocketPathBytes = 107;

/** A URL of a message, made by {@link parseUrl}. It is written as it was spelled, until its `href` is changed. */
export class AcommUrl extends URL {
  readonly #streamEnd: "half-close" | undefined;
  readonly #wire: string;
  readonly #href: string;

  private constructor(href: string, wire: string, streamEnd: "half-close" | undefined) {
    super(href);
    this.#href = this.href;
    this.#wire = wire;
    this.#streamEnd = streamEnd;
  }

  /** @internal what {@link parseUrl} has checked */
  static fromChecked(href: string, wire: string, streamEnd: "half-close" | undefined): AcommUrl {
    return new AcommUrl(href, wire, streamEnd);
  }

  /** `half-close` where the writer of this unix stream shows its end (wire 2.2). */
  get streamEnd(): "half-close" | undefined {
    return this.isUnchanged ? this.#streamEnd : undefined;
  }

  /** @internal whether `href` is still what {@link parseUrl} has checked */
  get isUnchanged(): boolean {
    return this.href === this.#href;
  }

  /** Its JSON, in the form of Go's `url.URL`. @throws `bad_field` where a change made it unfit */
  toWire(): string {
    return this.isUnchanged ? this.#wire : parseUrl(this.href).toWire();
  }
}

/** A URL as the JSON of Go's `url.URL` holds it. */
interface GoUrl {
  readonly Scheme: string;
  readonly Opaque: string;
  readonly User: null;
  readonly Host: string;
  readonly Path: string;
  readonly RawPath: string;
  readonly OmitHost: boolean;
  readonly ForceQuery: boolean;
  readonly RawQuery: string;
  readonly Fragment: string;
  readonly RawFragment: string;
}

const goUrlKeys: ReadonlyMap<string, "string" | "boolean" | "user"> = new Map([
  ["Scheme", "string"],
  ["Opaque", "string"],
  ["User", "user"],
  ["Host", "string"],
  ["Path", "string"],
  ["RawPath", "string"],
  ["OmitHost", "boolean"],
  ["ForceQuery", "boolean"],
  ["RawQuery", "string"],
  ["Fragment", "string"],
  ["RawFragment", "string"],
]);
const foldedGoUrlKeys: ReadonlyMap<string, string> = new Map([...goUrlKeys.keys()].map((key) => [foldKey(key), key]));

const plainPath = /^\/[\w./-]{1,107}$/;
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const forbiddenCharacter = /[\u0000-\u001f\u007f\\]|^ | $/;
/** What may stand in a path as it is, by the rule of Go's `url.URL.EscapedPath`. */
const validSpelling = /^[\w.~!$&'()*+,;=:@/%[\]-]+$/;
const shape = /^([a-zA-Z][a-zA-Z0-9+.-]*):(?:\/\/([^/?#]*))?(\/[^?#]*)?(\?[^#]*)?(#.*)?$/s;

/**
 * Checks a URL: no credentials, fragment, control character or opaque form; a host for `http:` and `https:`, an absolute path and
 * nothing else for `unix:`.
 *
 * @param options.field how an error names it, @default "url"
 * @throws `bad_field`
 */
export function parseUrl(input: string | URL, options?: { readonly field?: string; readonly streamEnd?: "half-close" | undefined }): AcommUrl {
  const field = options?.field ?? "url";
  const streamEnd = options?.streamEnd;
  if (input instanceof AcommUrl && input.isUnchanged) {
    if (streamEnd === undefined || streamEnd === input.streamEnd || input.protocol !== "unix:") return input;
    return AcommUrl.fromChecked(input.href, input.toWire(), streamEnd);
  }
  const text = input instanceof URL ? input.href : input;
  if (typeof text !== "string") throw badUrl(field, `must be a URL or a string, but is ${kindOf(text)}`);
  if (text.length > maxUrlLength) throw badUrl(field, `must be at most ${maxUrlLength} characters, but has ${text.length}`);
  const parts = shape.exec(text);
  if (forbiddenCharacter.test(text) || parts === null) {
    // a path in the place of its URL is the first mistake of many
    const meant = plainPath.test(text) ? `: write unix://${text}` : "";
    throw badUrl(field, `must be a URL such as unix:///run/acomm/a.sock or http://127.0.0.1:8080/path, without control characters, backslashes or an opaque part${meant}`);
  }
  const [, scheme = "", host, rawPath = "", query = "", fragment = ""] = parts;
  if (fragment !== "") throw badUrl(field, "must not have a fragment, it would not be sent: write %23 for a #");
  if (host?.includes("@") === true) throw badUrl(field, "must not hold credentials: they would be lost on the wire");
  return build(
    {
      Scheme: scheme.toLowerCase(),
      Opaque: "",
      User: null,
      Host: host ?? "",
      Path: unescapePath(rawPath, field),
      RawPath: rawPath,
      OmitHost: host === undefined,
      ForceQuery: query === "?",
      RawQuery: query.slice(1),
      Fragment: "",
      RawFragment: "",
    },
    field,
    streamEnd,
  );
}

/** Reads a URL of a message: Go's object, or a plain string. @throws `bad_field` */
export function decodeUrl(value: unknown, field: string, streamEnd?: "half-close"): AcommUrl | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return parseUrl(value, { field, streamEnd });
  if (typeof value !== "object" || Array.isArray(value)) throw badUrl(field, `must be a URL object, a string or null, but is ${kindOf(value)}`);
  const given = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(given)) {
    const kind = goUrlKeys.get(key);
    if (kind === undefined) {
      const known = foldedGoUrlKeys.get(foldKey(key));
      if (known !== undefined) throw badUrl(field, `has a key that differs from ${known} only in case`);
    } else if (given[key] !== null && kindOf(given[key]) !== (kind === "user" ? "an object" : `a ${kind}`)) {
      throw badUrl(field, `${key} must be ${kind === "user" ? "an object or null" : `a ${kind}`}, but is ${kindOf(given[key])}`);
    }
  }
  const text = (key: string): string => {
    const value = (given[key] as string | null | undefined) ?? "";
    if (value.length > maxUrlLength) throw badUrl(field, `${key} must be at most ${maxUrlLength} characters, but has ${value.length}`);
    return value;
  };
  if (text("Opaque") !== "") throw badUrl(field, "must not be opaque: Opaque must be empty");
  if (text("Scheme") === "") throw badUrl(field, "must have a Scheme");
  const path = text("Path");
  const fragment = text("Fragment");
  return build(
    {
      Scheme: text("Scheme").toLowerCase(),
      Opaque: "",
      User: null,
      Host: text("Host"),
      Path: path,
      RawPath: text("RawPath"),
      OmitHost: given["OmitHost"] === true,
      ForceQuery: given["ForceQuery"] === true,
      RawQuery: text("RawQuery"),
      Fragment: fragment,
      RawFragment: text("RawFragment"),
    },
    field,
    streamEnd,
  );
}

/** The JSON of a URL, in the form of Go's `url.URL`. @throws `bad_field` */
export function encodeUrl(url: string | URL | null, field = "url"): string {
  return url === null ? "null" : (url instanceof AcommUrl && url.isUnchanged ? url : parseUrl(url, { field })).toWire();
}

/** The path of a `unix:` URL. @throws `bad_field` where it has none of at most 107 bytes */
export function socketPathOf(url: string | URL, field = "url"): string {
  const parsed = parseUrl(url, { field });
  if (parsed.protocol !== "unix:") throw badUrl(field, `must be a unix: URL, but its scheme is ${parsed.protocol.slice(0, -1)}`);
  return decodeURIComponent(parsed.pathname);
}

function build(go: GoUrl, field: string, streamEnd: "half-close" | undefined): AcommUrl {
  const defaultPath = escapePath(go.Path, field);
  // Go takes RawPath only where it is a valid spelling of Path
  const rawPath = go.RawPath !== "" && go.RawPath !== defaultPath && isSpellingOf(go.RawPath, go.Path) ? go.RawPath : "";
  // a spelling may hold what would end the path (? # \) or be dropped from it (tab, a space at the end)
  const path = validSpelling.test(rawPath) ? rawPath : defaultPath;
  const rawFragment = go.Fragment !== "" && isSpellingOf(go.RawFragment, go.Fragment) ? go.RawFragment : "";
  if (!/^[a-z][a-z0-9+.-]*$/.test(go.Scheme)) throw badUrl(field, "must have a scheme of letters, digits, +, - and .");
  if (forbiddenCharacter.test(go.Host) || /[@/?#\s]/.test(go.Host)) throw badUrl(field, "must have a host without @ / ? # backslashes, control characters or white space");
  if (forbiddenCharacter.test(go.RawQuery) || go.RawQuery.includes("#")) throw badUrl(field, "must have a query without control characters, backslashes or #");
  if (go.Scheme === "unix") checkUnix(go, field);
  const web = go.Scheme === "http" || go.Scheme === "https";
  if (web && (go.Host === "" || go.Host.startsWith(":"))) throw badUrl(field, "must name a host");
  if (path !== "" && !path.startsWith("/")) throw badUrl(field, "must have a path that begins with /");
  const query = go.RawQuery !== "" ? `?${go.RawQuery}` : go.ForceQuery ? "?" : "";
  const fragment = go.Fragment === "" ? "" : `#${encodeURIComponent(go.Fragment.toWellFormed())}`;
  const href = `${go.Scheme}://${go.Host}${path}${query}${fragment}`;
  if (href.length > maxUrlLength) throw badUrl(field, `must be at most ${maxUrlLength} characters, but has ${href.length}`);
  if (!URL.canParse(href)) throw badUrl(field, "must have a valid host and a port of 1 to 65535");
  const url = AcommUrl.fromChecked(href, JSON.stringify({ ...go, RawPath: rawPath, RawFragment: rawFragment }), go.Scheme === "unix" ? streamEnd : undefined);
  if (url.port === "0") throw badUrl(field, "must have a port of 1 to 65535");
  return url;
}

function checkUnix(go: GoUrl, field: string): void {
  if (go.Host !== "") throw badUrl(field, "must be unix:///absolute/path, with three slashes: a unix URL has no host");
  if (go.RawQuery !== "" || go.ForceQuery || go.Fragment !== "") throw badUrl(field, "must be unix:///absolute/path without a query or fragment");
  if (!go.Path.startsWith("/") || go.Path === "/") throw badUrl(field, "must name an absolute path, such as unix:///run/acomm/a.sock");
  // across a link they mean one thing to a program and another to the kernel
  if (/\/\.\.?(?:\/|$)/.test(go.Path)) throw badUrl(field, "must not hold . or .. in its path: name the directory itself");
  if (go.Path.includes("\0")) throw badUrl(field, "must not hold a NUL in its path");
  const bytes = utf8Length(go.Path);
  if (bytes > maxSocketPathBytes) throw badUrl(field, `must name a path of at most ${maxSocketPathBytes} bytes, but it has ${bytes}: choose a shorter directory`);
}

function unescapePath(text: string, field: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // decodeURIComponent says no more than "malformed"
    throw badUrl(field, "has a % in its path that begins no escape of UTF-8: write %25");
  }
}

function isSpellingOf(rawPath: string, path: string): boolean {
  try {
    return decodeURIComponent(rawPath) === path;
  } catch {
    return false; // a malformed RawPath is ignored, as the original does
  }
}

/** The default encoding of a path in Go. */
function escapePath(path: string, field: string): string {
  if (!path.isWellFormed()) throw badUrl(field, "must not hold a lone surrogate");
  return encodeURIComponent(path)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, (escape) => decodeURIComponent(escape));
}

function badUrl(field: string, problem: string): AcommError {
  return badField(`${field} ${problem}`);
}
