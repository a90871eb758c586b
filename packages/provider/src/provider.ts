import { AcommError, checkOptionNames, nearNames } from "@acomm/protocol";
import type { OptionNames } from "@acomm/protocol";
import { checkPriority, checkServiceName, checkSocketDirectory, responseSocketPath, streamDirectory, Tracker } from "@acomm/tracker";
import type { TrackerOptions } from "@acomm/tracker";
import { checkGraceMs, createHttpTransport, createRegistry, createUnixTransport, Deadlines, serve, settledWithin } from "@acomm/transport";
import type { Announcement, CutWork, ErrorHook, Service, ServiceAnnouncement, ServiceNetwork, StopOptions, StopReport, TransportRegistry, UnixListenerOptions } from "@acomm/transport";
import { hostname } from "node:os";
import type { ProviderDescription } from "./provider-description.ts";
import { StreamDirectory } from "./stream-directory.ts";
import { Task } from "./task.ts";
import type { TaskOwner } from "./task.ts";
import type { TaskHandler, TaskOptions } from "./task-options.ts";
import type { TaskRun } from "./task-run.ts";
import { admitInDirectory, admitOnNetwork } from "./task-place.ts";
import type { TaskPlace } from "./task-place.ts";
import type { OnTheWire, TaskSignature } from "./task-signature.ts";
import { TaskStreams } from "./task-streams.ts";

/** What a {@link Provider} takes. */
export interface ProviderOptions {
  /** The directory that the services of a machine share, an absolute path such as `/run/acomm`. @default none: it is served on the network alone */
  readonly socketDir?: string | undefined;
  /** The network on which it is found as well, or instead; it stays open after the stop. @default none: it is served in the directory alone */
  readonly network?: ServiceNetwork | undefined;
  /** Its name, which no other provider in the directory has while it runs; on a network several may have it. */
  readonly name: string;
  /** Providers of lower numbers are asked first, 0 to 999. @default 50 */
  readonly priority?: number | undefined;
  /** The limits of the task sockets, and the group that may connect to them. @default those of `UnixListener` */
  readonly listener?: UnixListenerOptions | undefined;
  /** How handlers call others. @default those of `Tracker` */
  readonly tracker?: Omit<TrackerOptions, "socketPath"> | undefined;
  /** Gets the failures that no caller can receive. @default they go to `node:diagnostics_channel` alone */
  readonly onError?: ErrorHook | undefined;
}

const providerOptionNames: OptionNames<ProviderOptions> = { socketDir: true, network: true, name: true, priority: true, listener: true, tracker: true, onError: true };

const describeTask = "acomm.describe";
/** What each place of a task takes beside the task's own requests: descriptions, and answers that are still on their way to hooks. */
const extraRequests = 1000;

/**
 * Serves tasks: each at its own socket `<socketDir>/<task>/<priority>-<name>.sock`, where a coordinator finds it, at an address of a
 * network that it shares with others who serve the task, or at both. Its type knows the tasks, so that
 * `createClient<typeof provider>` does too.
 */
export class Provider<Tasks = object> implements AsyncDisposable {
  /** Nothing but a type: there is no such value. */
  declare readonly "~tasks"?: Tasks;
  readonly #registry: TransportRegistry;
  readonly #ownsRegistry: boolean;
  readonly #onError: ErrorHook | undefined;
  readonly #owner: TaskOwner;
  readonly #tasks = new Map<string, Task>();
  readonly #directory: StreamDirectory | undefined;
  #services: readonly Service[] = [];
  #announcement: Announcement | undefined;
  #startedAt = new Date();
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  /** A provider that is to be given its tasks, and then to be started. @throws `bad_field`, `bad_address` */
  constructor(options: ProviderOptions) {
    checkOptionNames(options, "Provider", providerOptionNames);
    const { socketDir, network, name, priority = 50, listener, tracker = {}, onError } = options;
    checkServiceName(name);
    if (socketDir === undefined && network === undefined) throw new AcommError("bad_field", "socketDir or network must say where the tasks are served: give one of them, or both");
    if (socketDir !== undefined) checkSocketDirectory(socketDir);
    this.#onError = onError;
    this.#ownsRegistry = tracker.registry === undefined;
    this.#registry = tracker.registry ?? registryOf(network);
    this.#directory = socketDir === undefined ? undefined : new StreamDirectory(streamDirectory(socketDir, name));
    // a way back of its own: the socket keeps others from having the name, and on a network each process has its own address
    const wayBack = socketDir !== undefined ? { socketPath: responseSocketPath(socketDir, name), admit: admitInDirectory(network) } : network !== undefined && { listener: network.createListener(), streams: network, admit: admitOnNetwork(network) };
    this.#owner = {
      name,
      priority: checkPriority(priority),
      directory: socketDir === undefined || this.#directory === undefined ? undefined : { socketDir, listener, streams: this.#directory, admit: admitInDirectory(network) },
      network,
      tracker: new Tracker({ onError, ...wayBack, ...tracker, registry: this.#registry }),
      streams: new TaskStreams(onError),
      deadlines: new Deadlines<TaskRun>((run) => { run.expire(); }),
      overdue: new Set(),
    };
  }

  /** Its name, as in the paths of its sockets. */
  get name(): string {
    return this.#owner.name;
  }

  /** The paths of the tasks' sockets, by task; none without a socket directory. */
  get sockets(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#tasks.values()].flatMap(({ name, socket }) => (socket === undefined ? [] : [[name, socket.address]])));
  }

  /**
   * Adds a task, before the start. The handler's result is the response's; what it throws is the response's error; there is
   * one response whatever it does.
   *
   * @returns the provider itself, whose type knows the task
   * @throws `bad_field`, `unknown_task` for a name that the layout or the protocol has itself, `bad_address`
   */
  task<const Name extends string, ArgsInput = unknown, Args = ArgsInput, Result = unknown, ResultOutput = Result, Returned extends Result = Result>(
    name: Name,
    options: TaskOptions<ArgsInput, Args, Result, ResultOutput>,
    handler: TaskHandler<Args, Returned>,
    // written out, so that an editor shows the tasks by their names and types
  ): Provider<{ readonly [Key in keyof Tasks | Name]: Key extends Name ? TaskSignature<ArgsInput, OnTheWire<unknown extends ResultOutput ? Returned : ResultOutput>> : Key extends keyof Tasks ? Tasks[Key] : never }> {
    if (this.#starting !== undefined || this.#stopping !== undefined) throw new AcommError("bad_field", `task: ${name} comes too late, add every task before the start`);
    if (this.#tasks.has(name)) throw new AcommError("bad_field", `task: ${name} was added already, give each its own name`);
    this.#tasks.set(name, new Task(this.#owner, name, options, handler as TaskHandler));
    return this as Provider<unknown> as Provider<never>;
  }

  /**
   * Starts to serve every task, or none: where one socket can't be had, the others are given up again, for good. On a network it is
   * announced once all are served. Idempotent.
   *
   * @throws `bad_address`, such as where a provider of the same name runs; `bad_field` without a task; `unavailable` where
   * the network is not there; `stopping` after a stop
   */
  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(new AcommError("stopping", "the provider was stopped: make a new one"));
    if (this.#tasks.size === 0) return Promise.reject(new AcommError("bad_field", "the provider has no task: add one before the start"));
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Refuses new requests with `stopping`, waits for those that run or wait for their turn, and for streams that are read, then
   * closes. After `graceMs` it aborts the signals of what is left, cuts it, and says what it was. Idempotent, safe during the
   * start.
   *
   * @param options.graceMs 0 to 2^31-1, @default 10 000
   * @throws `bad_field`
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  /** Stops, with the grace that `stop` has by default. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** What it serves and how it does; what every task socket answers to `acomm.describe`. */
  describe(): ProviderDescription {
    return {
      kind: "provider",
      name: this.name,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      uptimeMs: Date.now() - this.#startedAt.getTime(),
      health: this.#stopping === undefined ? "ok" : "draining",
      tasks: [...this.#tasks.values()].map((task) => task.describe()),
    };
  }

  async #start(): Promise<void> {
    const { tracker, network } = this.#owner;
    const tasks = [...this.#tasks.values()];
    const listeners = tasks.flatMap(({ served }) => served.map(({ listener }) => listener));
    try {
      await tracker.start(); // its socket has the provider's name: from here on there is no other of this name
      await this.#directory?.sweep();
      const outcomes = await Promise.allSettled(listeners.map((listener) => listener.start()));
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      this.#startedAt = new Date();
      this.#services = tasks.flatMap((task) => task.served.map((place) => this.#serve(task, place)));
      if (this.#stopping === undefined) this.#announcement = await network?.announce(this.#announced(tasks));
    } catch (error) {
      await Promise.allSettled([...this.#services, ...listeners, tracker].map((part) => part.stop({ graceMs: 0 }))); // what failed first is thrown
      if (this.#ownsRegistry) await this.#registry.close();
      throw error;
    }
  }

  #announced(tasks: readonly Task[]): ServiceAnnouncement {
    const { directory } = this.#owner;
    const metadata = {
      kind: "provider",
      host: hostname(),
      pid: String(process.pid),
      startedAt: this.#startedAt.toISOString(),
      ...(directory === undefined ? undefined : { socketDir: directory.socketDir }), // whoever sees both places knows that they are one
    };
    return { name: this.name, metadata, endpoints: tasks.flatMap((task) => task.announced() ?? []) };
  }

  #serve(task: Task, { listener, streams, admit }: TaskPlace): Service {
    return serve(listener, (request, context) => (request.task === describeTask ? this.describe() : task.run(request, context, streams)), {
      registry: this.#registry,
      admit,
      maxInFlight: task.queue.concurrency + task.queue.maxQueued + extraRequests,
      onError: this.#onError,
      reserve: (request) => {
        if (request.task === describeTask) return undefined;
        if (request.task === task.name) return task.reserve(request);
        throw this.#unknownTask(request.task, task);
      },
    });
  }

  /** Each task has a socket of its own, which who calls without a coordinator must know. */
  #unknownTask(asked: string, { name }: Task): AcommError {
    if (this.#tasks.has(asked)) return new AcommError("unknown_task", `this socket serves ${name} and ${describeTask}, not ${JSON.stringify(asked)}, which has its own: send it there, or to a coordinator`);
    const near = nearNames(asked, this.#tasks.keys());
    return new AcommError("unknown_task", `this socket serves ${name} and ${describeTask}, not ${JSON.stringify(asked)}: ${near.length === 0 ? "send it to a coordinator, which knows who serves it" : `did you mean ${near.join(" or ")}?`}`);
  }

  async #stop(graceMs: number): Promise<StopReport> {
    const { tracker, streams, deadlines, overdue } = this.#owner;
    const until = performance.now() + graceMs;
    const leftMs = (): number => Math.ceil(Math.max(until - performance.now(), 0));
    await this.#starting?.catch(() => undefined); // its error went to whoever called start()
    await this.#announcement?.withdraw(); // nobody is to come any more
    const stops = await Promise.allSettled(this.#services.map((service) => service.stop({ graceMs: leftMs() })));
    await settledWithin([...[...overdue].map((run) => run.ended), ...streams.done()], leftMs());
    const now = performance.now();
    const left: CutWork[] = [...overdue].map(({ request, startedAt }) => ({ id: request.id, task: request.task, ageMs: now - startedAt }));
    left.push(...(await streams.close()));
    await this.#directory?.remove();
    stops.push(...(await Promise.allSettled([tracker.stop({ graceMs: leftMs() })])));
    if (this.#ownsRegistry) await this.#registry.close();
    deadlines.clear();
    const reports = stops.map((stop) => {
      if (stop.status === "rejected") throw stop.reason; // once all is stopped that can be
      return stop.value;
    });
    return { cut: [...reports.flatMap(({ cut }) => cut), ...left], cutConnections: reports.reduce((sum, { cutConnections }) => sum + cutConnections, 0) };
  }
}

/** Every transport of this machine, and the network's. */
function registryOf(network: ServiceNetwork | undefined): TransportRegistry {
  const registry = createRegistry([createUnixTransport(), createHttpTransport()]);
  if (network !== undefined) registry.register(network.transport, { isBorrowed: true });
  return registry;
}
