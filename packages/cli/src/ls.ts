import type { NatsNetwork } from "@acomm/transport-nats";
import { AcommError } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { hostname } from "node:os";
import { createRegistry } from "@acomm/transport";
import type { FoundService } from "@acomm/transport";
import type { Invocation } from "./command.ts";
import { Description, describeTask } from "./description.ts";
import { readSocketDirectory } from "./directory-listing.ts";
import type { DirectoryListing } from "./directory-listing.ts";
import { formatDuration } from "./duration.ts";
import { exitCodes } from "./exit-codes.ts";
import { openNetwork } from "./network.ts";
import { printable } from "./output.ts";
import type { Output } from "./output.ts";
import type { ListValues } from "./settings.ts";
import { socketDirectoryOf, urlOfPath } from "./target.ts";
import { UsageError } from "./usage-error.ts";

/** How many sockets are asked at once. */
const maxAsked = 64;

type State = "ok" | "draining" | "dead" | "silent" | "up";

interface Answer {
  /** `up` is who answers and does not describe itself. */
  readonly state: State;
  readonly description: Description;
}

/** A provider's place for one task: a socket, or an address on the network. */
interface Place {
  readonly task: string;
  readonly provider: string;
  readonly priority: number;
  /** The machine; undefined for this one. */
  readonly host: string | undefined;
  readonly url: string;
}

/** `acomm ls`: what the socket directory and the network hold, and who of that is alive. */
export async function listServices(invocation: Invocation<ListValues>): Promise<number> {
  const network = await openNetwork(invocation.settings); // `await using` is no syntax of Node 22
  try {
    return await listOn(network, invocation);
  } finally {
    await network?.[Symbol.asyncDispose]();
  }
}

async function listOn(network: NatsNetwork | undefined, invocation: Invocation<ListValues>): Promise<number> {
  const { settings, output, interrupts } = invocation;
  const directory = socketDirectoryOf(invocation);
  const listing = await read(directory, network !== undefined);
  const places: Place[] = listing.providers.map(({ path, ...socket }) => ({ ...socket, host: undefined, url: urlOfPath(path) }));
  const registry = createRegistry();
  let missing: unknown;
  if (network !== undefined) {
    registry.register(network.transport, { isBorrowed: true });
    try {
      places.push(...placesOf(directory, await network.discover({ waitMs: settings.timeoutMs, signal: interrupts.signal })));
    } catch (error) {
      interrupts.signal.throwIfAborted();
      missing = error; // what is here can be listed all the same
    }
  }
  const tracker = new Tracker({ registry });
  await tracker.start();
  try {
    const ask = (url: string): Promise<Answer> => askService(tracker, url, settings.timeoutMs, interrupts.signal);
    const coordinators = await mapSome(listing.coordinators, async (one) => ({ ...one, ...(await ask(urlOfPath(one.path))) }));
    const providers = await mapSome(places.sort(byTask), async (one) => ({ ...one, ...(await ask(one.url)) }));
    if (output.format === "json") {
      for (const { name, state, description } of coordinators) output.json({ coordinator: name, state, pid: description.number("pid"), http: description.text("http"), inFlight: description.number("inFlight"), uptimeMs: description.number("uptimeMs") });
      for (const { task, provider, host, priority, state, description } of providers) {
        const { running, queued, done, failed } = countsOf(description, task);
        output.json({ task, provider, host, priority, state, pid: description.number("pid"), running, queued, done, failed, uptimeMs: description.number("uptimeMs") });
      }
    } else {
      await writeTables(output, directory, coordinators, providers);
    }
    if (missing instanceof Error) throw missing;
    return exitCodes.result;
  } finally {
    await tracker.stop({ graceMs: 0 });
    await registry.close();
  }
}

/** The tasks of what was found, as far as they are a provider's that is not in the directory too. */
function placesOf(directory: string, services: readonly FoundService[]): Place[] {
  const isListed = ({ metadata }: FoundService): boolean => metadata["host"] === hostname() && metadata["socketDir"] === directory;
  return services.filter((service) => service.metadata["kind"] === "provider" && !isListed(service)).flatMap(({ name, metadata, endpoints }) =>
    endpoints.map((endpoint) => ({ task: endpoint.name, provider: name, priority: Number(endpoint.metadata["priority"] ?? 50), host: metadata["host"] ?? "", url: endpoint.url.href })));
}

/** By task, priority and name; those of this machine first. */
function byTask(one: Place, other: Place): number {
  const key = ({ task, priority, host, provider, url }: Place): (string | number)[] => [task, priority, host === undefined ? 0 : 1, provider, url];
  const [first, second] = [key(one), key(other)];
  const at = first.findIndex((part, index) => part !== second[index]);
  return at < 0 ? 0 : (first[at] ?? 0) < (second[at] ?? 0) ? -1 : 1;
}

/** @param isOptional whether there is something else to be listed */
async function read(directory: string, isOptional: boolean): Promise<DirectoryListing> {
  try {
    return await readSocketDirectory(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && isOptional) return { coordinators: [], providers: [] };
    if (code === "ENOENT") throw new AcommError("unavailable", `there is no socket directory ${directory}: the first provider or coordinator makes it, or choose another with --socket-dir`);
    throw new UsageError(`the socket directory ${directory} can't be read (${code ?? "unknown reason"}): choose another with --socket-dir`);
  }
}

async function askService(tracker: Tracker, url: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  try {
    const value = await tracker.request(url, { task: describeTask, timeoutMs, signal });
    const description = new Description(value);
    return { state: description.text("health") === "draining" ? "draining" : "ok", description };
  } catch (error) {
    signal.throwIfAborted();
    return { state: stateOf((error as AcommError).code), description: new Description(undefined) };
  }
}

function stateOf(code: string): State {
  if (code === "unavailable" || code === "bad_address") return "dead";
  return code === "timeout" ? "silent" : code === "stopping" ? "draining" : "up";
}

function countsOf(description: Description, task: string): Record<"running" | "queued" | "done" | "failed", number | undefined> {
  const one = description.list("tasks").find((candidate) => candidate.text("task") === task);
  return { running: one?.number("running"), queued: one?.number("queued"), done: one?.number("done"), failed: one?.number("failed") };
}

type Asked<Socket> = Socket & Answer;

async function writeTables(output: Output, directory: string, coordinators: readonly Asked<{ readonly name: string }>[], providers: readonly Asked<Place>[]): Promise<void> {
  const { renderTable } = await import("./table.ts");
  const { paint, columns } = output;
  const state = (one: State): string => paint(one === "ok" || one === "up" ? "green" : one === "dead" ? "red" : "yellow", one);
  const up = (description: Description): string => { const ms = description.number("uptimeMs"); return ms === undefined ? "" : formatDuration(ms); };
  if (coordinators.length + providers.length === 0) output.note(`acomm: no sockets in ${directory}: start a provider with acomm provider, a coordinator with acomm coordinator`);
  if (coordinators.length > 0) {
    const rows = coordinators.map(({ name, state: how, description }) => [name, state(how), String(description.number("inFlight") ?? ""), up(description), printable(description.text("http") ?? "")]);
    output.text(renderTable([{ title: "COORDINATOR" }, { title: "STATE" }, { title: "IN FLIGHT", align: "right" }, { title: "UP", align: "right" }, { title: "HTTP" }], rows, columns, paint));
  }
  if (coordinators.length > 0 && providers.length > 0) output.text("");
  if (providers.length > 0) {
    const isFar = providers.some(({ host }) => host !== undefined);
    const rows = providers.map(({ task, provider, host, priority, state: how, description }) => {
      const { running, queued, done, failed } = countsOf(description, task);
      return [printable(task), printable(provider), ...(isFar ? [printable(host ?? "")] : []), String(priority), state(how), ...[running, queued, done].map((count) => String(count ?? "")), failed === undefined || failed === 0 ? String(failed ?? "") : paint("red", String(failed)), up(description)];
    });
    output.text(renderTable([{ title: "TASK" }, { title: "PROVIDER" }, ...(isFar ? [{ title: "HOST" }] : []), { title: "PRIORITY", align: "right" }, { title: "STATE" }, { title: "RUNNING", align: "right" }, { title: "WAITING", align: "right" }, { title: "DONE", align: "right" }, { title: "FAILED", align: "right" }, { title: "UP", align: "right" }], rows, columns, paint));
  }
}

/** Maps in order, some at a time. */
async function mapSome<From, To>(all: readonly From[], map: (one: From) => Promise<To>): Promise<To[]> {
  const mapped: To[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < all.length) {
      const index = next;
      next += 1;
      mapped[index] = await map(all[index] as From);
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxAsked, all.length) }, work));
  return mapped;
}
