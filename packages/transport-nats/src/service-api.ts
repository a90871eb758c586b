import { AcommError, parseJson, parseUrl } from "@acomm/protocol";
import type { EndpointCounts, FoundEndpoint, FoundService, ServiceAnnouncement } from "@acomm/transport";
import { addressOf, checkSubject, urlOf } from "./subjects.ts";
import { textOf } from "./text.ts";

/** What the service API of NATS can be asked for. */
export type Verb = "PING" | "INFO" | "STATS";
export const verbs: readonly Verb[] = ["PING", "INFO", "STATS"];

/** Where a service and an endpoint say what they are really called: the API has no dots in names. */
const nameKey = "acomm.name";
/** Where an endpoint says by which subject this service alone is reached. */
const subjectKey = "acomm.subject";
const semanticVersion = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;
const maxDepth = 16;
/** What is believed of one service that was found. */
const maxEndpoints = 10_000;
const maxMetadata = 100;
const maxTextLength = 4096;

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

  /** @throws AcommError `bad_field`, `forbidden_target` for an endpoint that is not on the network */
  constructor(service: ServiceAnnouncement, id: string, authority: string) {
    if (service.name === "") throw new AcommError("bad_field", "name: a service needs one");
    if (service.version !== undefined && !semanticVersion.test(service.version)) throw new AcommError("bad_field", "version must be a semantic version such as 1.2.3");
    this.#service = service;
    this.#id = id;
    this.#authority = authority;
    this.name = apiName(service.name);
    this.answer("INFO"); // what can't be told is found out now
  }

  /** What it answers, as JSON. */
  answer(verb: Verb): string {
    const { name, description = "", version = "0.0.0", metadata } = this.#service;
    const head = { type: `io.nats.micro.v1.${verb.toLowerCase()}_response`, name: this.name, id: this.#id, version, metadata: { ...metadata, [nameKey]: name } };
    if (verb === "PING") return JSON.stringify(head);
    if (verb === "INFO") return JSON.stringify({ ...head, description, endpoints: this.#endpoints((metadata) => ({ metadata })) });
    return JSON.stringify({ ...head, started: this.#startedAt.toISOString(), endpoints: this.#endpoints((_metadata, counts) => statisticsOf(counts)) });
  }

  #endpoints(more: (metadata: Readonly<Record<string, string>>, counts: EndpointCounts) => object): object[] {
    return this.#service.endpoints.map(({ name, url, sharedUrl, metadata, counts }) => {
      const own = addressOf(parseUrl(url), this.#authority).subject;
      const subject = sharedUrl === undefined ? own : addressOf(parseUrl(sharedUrl), this.#authority).subject;
      return { name: apiName(name), subject, queue_group: defaultQueueGroup, ...more({ ...metadata, [nameKey]: name, [subjectKey]: own }, counts?.() ?? { done: 0, failed: 0, busyMs: 0 }) };
    });
  }
}

function statisticsOf({ done, failed, busyMs }: EndpointCounts): object {
  const requests = done + failed;
  const processing = Math.round(busyMs * 1e6); // the API counts nanoseconds
  return { num_requests: requests, num_errors: failed, last_error: "", processing_time: processing, average_processing_time: requests === 0 ? 0 : Math.round(processing / requests) };
}

/** The service that has answered so; undefined where it is none of ours, or says what can't be. */
export function readService(data: Uint8Array, authority: string): FoundService | undefined {
  try {
    const info = objectOf(parseJson(textOf(data), maxDepth));
    if (info["type"] !== "io.nats.micro.v1.info_response" || !Array.isArray(info["endpoints"]) || info["endpoints"].length > maxEndpoints) return undefined;
    const { [nameKey]: name, ...metadata } = readMetadata(info["metadata"]);
    const id = readText(info["id"]);
    if (name === undefined || id === "") return undefined;
    return { name, id, description: readText(info["description"] ?? ""), metadata, endpoints: info["endpoints"].map((endpoint: unknown) => readEndpoint(objectOf(endpoint), authority)) };
  } catch {
    return undefined; // anybody may be on the network
  }
}

function readEndpoint(endpoint: Readonly<Record<string, unknown>>, authority: string): FoundEndpoint {
  const { [nameKey]: name, [subjectKey]: subject, ...metadata } = readMetadata(endpoint["metadata"]);
  if (name === undefined || subject === undefined) throw new AcommError("bad_field", "it is not one of ours");
  return { name, url: urlOf(authority, { subject: checkSubject(subject), isDurable: false }), metadata };
}

function readMetadata(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(value));
  if (entries.length > maxMetadata) throw new AcommError("bad_field", "metadata has too many members");
  return Object.fromEntries(entries.map(([key, text]) => [readText(key), readText(text)]));
}

function readText(value: unknown): string {
  if (typeof value !== "string" || value.length > maxTextLength) throw new AcommError("bad_field", "a text is no text, or too long");
  return value;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new AcommError("bad_field", "an object is none");
  return value as Readonly<Record<string, unknown>>;
}
