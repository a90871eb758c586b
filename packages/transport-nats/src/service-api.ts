import { AcommError, acommErrorCodes, parseJson, parseUrl } from "@acomm/protocol";
import type { AnnouncedEndpoint, EndpointCounts, FoundEndpoint, FoundService, ServiceAnnouncement } from "@acomm/transport";
import { addressOf, checkSubject, urlOf } from "./subjects.ts";
import { textOf } from "./text.ts";

/** What the service API of NATS can be asked for. */
export type Verb = "PING" | "INFO" | "STATS";
export const verbs: readonly Verb[] = ["PING", "INFO", "STATS"];

/** Where a service and an endpoint say what they are really called: the API has no dots in names. */
const nameKey = "acomm.name";
/** Where an endpoint says by which subject this service alone is reached. */
const subjectKey = "acomm.subject";
const semanticVersion = semanticVersionPattern();
const maxDepth = 16;
/** What is believed of one service that was found. */
const maxEndpoints = 10_000;
const maxMetadata = 100;
const maxTextLength = 4096;

const noCounts: EndpointCounts = { done: 0, failed: 0, busyMs: 0 };
/** Counts that take as much room as any. */
const longestCounts: EndpointCounts = {
  done: Number.MAX_SAFE_INTEGER / 2,
  failed: Number.MAX_SAFE_INTEGER,
  busyMs: Number.MAX_SAFE_INTEGER,
  lastFailure: acommErrorCodes.reduce((longest, code) => (code.length > longest.length ? code : longest)),
};

/** The queue group of the listeners at an address. */
export const defaultQueueGroup = "acomm";

/** The subject on which all services are asked, or those of a name, or one of them. */
export function verbSubject(verb: Verb, ...path: readonly string[]): string {
  return ["$SRV", verb, ...path].join(".");
}

/** A name as the API takes it: letters, digits, hyphens and underscores. */
function apiName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, "_");
}

/** One service, as the API describes it. */
export class ServiceRecord {
  readonly name: string;
  readonly #id: string;
  readonly #service: ServiceAnnouncement;
  readonly #startedAt: Date = new Date();
  readonly #authority: string;

  /** @throws `bad_field`, `forbidden_target` for an endpoint that is not on the network */
  constructor(service: ServiceAnnouncement, id: string, authority: string) {
    if (service.name === "") throw new AcommError("bad_field", "name: a service needs one");
    if (service.version !== undefined && !semanticVersion.test(service.version)) throw new AcommError("bad_field", "version must be a semantic version such as 1.2.3");
    this.#service = service;
    this.#id = id;
    this.#authority = authority;
    this.name = apiName(service.name);
    this.answer("INFO"); // what can't be told is found out now
  }

  /** How long an answer may become, whatever is counted by then, in bytes. */
  get longestBytes(): number {
    return Math.max(Buffer.byteLength(this.answer("INFO")), Buffer.byteLength(this.#statistics(() => longestCounts)));
  }

  /** What it answers, as JSON. @throws what a function throws that counts */
  answer(verb: Verb): string {
    if (verb === "PING") return JSON.stringify(this.#head(verb));
    if (verb === "STATS") return this.#statistics(({ counts }) => counts?.() ?? noCounts);
    return JSON.stringify({ ...this.#head(verb), description: this.#service.description ?? "", endpoints: this.#endpoints(({ name, metadata }, own) => ({ metadata: { ...metadata, [nameKey]: name, [subjectKey]: own } })) });
  }

  #statistics(countsOf: (endpoint: AnnouncedEndpoint) => EndpointCounts): string {
    return JSON.stringify({ ...this.#head("STATS"), started: this.#startedAt.toISOString(), endpoints: this.#endpoints((endpoint) => statisticsOf(countsOf(endpoint))) });
  }

  #head(verb: Verb): object {
    const { name, version = "0.0.0", metadata } = this.#service;
    return { type: `io.nats.micro.v1.${verb.toLowerCase()}_response`, name: this.name, id: this.#id, version, metadata: { ...metadata, [nameKey]: name } };
  }

  #endpoints(more: (endpoint: AnnouncedEndpoint, ownSubject: string) => object): object[] {
    return this.#service.endpoints.map((endpoint) => {
      const { name, url, sharedUrl } = endpoint;
      const own = addressOf(parseUrl(url), this.#authority).subject;
      const subject = sharedUrl === undefined ? own : addressOf(parseUrl(sharedUrl), this.#authority).subject;
      return { name: apiName(name), subject, queue_group: defaultQueueGroup, ...more(endpoint, own) };
    });
  }
}

function statisticsOf({ done, failed, busyMs, lastFailure }: EndpointCounts): object {
  const requests = done + failed;
  const processing = Math.trunc(busyMs * 1e6); // the API counts whole nanoseconds
  return { num_requests: requests, num_errors: failed, last_error: lastFailure ?? "", processing_time: processing, average_processing_time: requests === 0 ? 0 : Math.trunc(processing / requests) };
}

/** As semver.org writes it down: three numbers, then what comes before the release, then what names the build. */
function semanticVersionPattern(): RegExp {
  const number = "(?:0|[1-9]\\d*)"; // no zeros before it
  const listOf = (part: string): string => `${part}(?:\\.${part})*`;
  const before = listOf(`(?:${number}|\\d*[A-Za-z-][0-9A-Za-z-]*)`);
  return new RegExp(`^${number}\\.${number}\\.${number}(?:-${before})?(?:\\+${listOf("[0-9A-Za-z-]+")})?$`);
}

/** The service that has answered so; undefined where it is none of ours, or says what can't be. */
export function readService(data: Uint8Array, authority: string): FoundService | undefined {
  try {
    const info = objectOf(parseJson(textOf(data), maxDepth));
    if (info["type"] !== "io.nats.micro.v1.info_response" || !Array.isArray(info["endpoints"]) || info["endpoints"].length > maxEndpoints) return undefined;
    const { [nameKey]: name, ...metadata } = readMetadata(info["metadata"]);
    if (name === undefined) return undefined;
    return { name: readName(name), id: readName(info["id"]), description: readText(info["description"] ?? ""), metadata, endpoints: info["endpoints"].map((endpoint: unknown) => readEndpoint(objectOf(endpoint), authority)) };
  } catch {
    return undefined; // anybody may be on the network
  }
}

function readEndpoint(endpoint: Readonly<Record<string, unknown>>, authority: string): FoundEndpoint {
  const { [nameKey]: name, [subjectKey]: subject, ...metadata } = readMetadata(endpoint["metadata"]);
  if (name === undefined || subject === undefined) throw new AcommError("bad_field", "it is not one of ours");
  return { name: readName(name), url: urlOf(authority, { subject: checkSubject(subject), isDurable: false }), metadata };
}

function readMetadata(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(value));
  if (entries.length > maxMetadata) throw new AcommError("bad_field", "metadata has too many members");
  return Object.fromEntries(entries.map(([key, text]) => [readText(key), readText(text)]));
}

/** What is shown to people and looked up by programs: it must be there, and a terminal must not obey it. */
function readName(value: unknown): string {
  const name = readText(value);
  if (name === "" || /\p{Cc}/u.test(name)) throw new AcommError("bad_field", "a name is empty, or has control characters");
  return name;
}

function readText(value: unknown): string {
  if (typeof value !== "string" || value.length > maxTextLength) throw new AcommError("bad_field", "a text is no text, or too long");
  return value;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new AcommError("bad_field", "an object is none");
  return value as Readonly<Record<string, unknown>>;
}
