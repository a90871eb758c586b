import { AcommError, checkOptionNames, unmarshalArgs, unmarshalResult } from "@acomm/protocol";
import type { AcommErrorCode, Request } from "@acomm/protocol";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checkPriority, checkTaskName } from "@acomm/tracker";
import type { Tracker } from "@acomm/tracker";
import { checkTimeoutMs } from "@acomm/transport";
import type { AnnouncedEndpoint, Deadlines, HandlerContext, ServiceNetwork, StreamServer, UnixListener } from "@acomm/transport";
import { jsonSchemaOf } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { TaskDescription } from "./provider-description.ts";
import { taskOptionNames } from "./task-options.ts";
import type { TaskHandler, TaskOptions } from "./task-options.ts";
import { placeInDirectory, placesOnNetwork } from "./task-place.ts";
import type { DirectoryPlace, TaskPlace } from "./task-place.ts";
import { TaskQueue } from "./task-queue.ts";
import type { Place } from "./task-queue.ts";
import { TaskRun } from "./task-run.ts";
import type { TaskStreams } from "./task-streams.ts";

/** What the tasks of one provider share. */
export interface TaskOwner {
  readonly name: string;
  readonly priority: number;
  readonly directory: DirectoryPlace | undefined;
  readonly network: ServiceNetwork | undefined;
  readonly tracker: Tracker;
  readonly streams: TaskStreams;
  readonly deadlines: Deadlines<TaskRun>;
  /** Those whose time has run out and whose handlers have not ended. */
  readonly overdue: Set<TaskRun>;
}

/** How much of a description is announced; the whole of it is for those who ask, in characters. */
const maxAnnouncedLength = 200;

/** One task of a provider: where it is served, its queue, its checks and its counts. */
export class Task {
  readonly name: string;
  readonly owner: TaskOwner;
  readonly timeoutMs: number | undefined;
  /** Its socket; undefined where there is no directory. */
  readonly socket: UnixListener | undefined;
  /** Everywhere where it takes requests. */
  readonly served: readonly TaskPlace[];
  readonly queue: TaskQueue;
  readonly handle: TaskHandler;
  doneCount = 0;
  failedCount = 0;
  lastFailure: AcommErrorCode | undefined;
  /** How long the requests took that are answered, in milliseconds. */
  busyMs = 0;
  readonly #priority: number;
  readonly #argsSchema: StandardSchemaV1 | undefined;
  readonly #resultSchema: StandardSchemaV1 | undefined;
  readonly #idempotent: boolean;
  readonly #description: string;
  readonly #onNetwork: Readonly<Record<"shared" | "own", TaskPlace>> | undefined;
  readonly #places = new WeakMap<Request, Place>();
  #schemas: { readonly args: JsonSchema | null; readonly result: JsonSchema | null } | undefined;

  /** @throws `bad_field`, `unknown_task`, `bad_address` */
  constructor(owner: TaskOwner, name: string, options: TaskOptions, handler: TaskHandler) {
    if (typeof options === "function") throw new AcommError("bad_field", `task ${name} needs its options before its handler: give {} for none`);
    checkOptionNames(options, "task", taskOptionNames);
    const { args, result, timeoutMs, priority = owner.priority, concurrency = 64, maxQueued = 1000, idempotent = false, description = "" } = options;
    this.owner = owner;
    this.name = checkOwnName(name);
    if (typeof handler !== "function") throw new AcommError("bad_field", `the handler of ${name} must be a function, but is ${(handler as unknown) === undefined ? "missing" : `a ${typeof handler}`}`);
    this.handle = handler;
    this.#argsSchema = checkSchema(args, `args of ${name}`);
    this.#resultSchema = checkSchema(result, `result of ${name}`);
    this.timeoutMs = timeoutMs === undefined ? undefined : checkTimeoutMs(timeoutMs);
    this.#priority = checkPriority(priority);
    this.#idempotent = idempotent;
    this.#description = description;
    this.queue = new TaskQueue(name, { concurrency, maxQueued });
    const inDirectory = owner.directory === undefined ? undefined : placeInDirectory(owner.directory, name, priority, owner.name);
    this.#onNetwork = owner.network === undefined ? undefined : placesOnNetwork(owner.network, name);
    this.socket = inDirectory?.listener;
    this.served = [...(inDirectory === undefined ? [] : [inDirectory]), ...(this.#onNetwork === undefined ? [] : [this.#onNetwork.shared, this.#onNetwork.own])];
  }

  /**
   * Takes a place for a request before it is acknowledged; what this gives is called once when the request is answered or
   * dropped.
   *
   * @throws `overloaded`
   */
  reserve(request: Request): () => void {
    const place = this.queue.reserve();
    this.#places.set(request, place);
    return () => {
      if (place.isReserved) place.leave(); // dropped before it ran; a run leaves it by itself, when its handler has ended
    };
  }

  /** Runs a request that has its place; settles with the answer. @param streams serves its stream, where there is one */
  run(request: Request, context: HandlerContext, streams: StreamServer): Promise<unknown> {
    const place = this.#places.get(request) ?? this.queue.reserve();
    return new Promise((resolve, reject) => {
      new TaskRun(this, { request, context, streams, place, answer: resolve, refuse: reject });
    });
  }

  /** The arguments as the schema gives them. @throws `bad_field` with the path of the value */
  async readArgs(request: Request): Promise<unknown> {
    const schema = this.#argsSchema;
    if (schema === undefined) return request.args;
    if (request.args !== null) return unmarshalArgs(request, schema);
    try {
      return await unmarshalArgs(request, schema);
    } catch (error) {
      // what was left out came as null, and some schemas know only undefined
      return unmarshalArgs({ ...request, args: undefined }, schema).catch(() => Promise.reject(error as Error));
    }
  }

  /** The result as the schema gives it. @throws `remote` with the path of the value: the caller can't do better */
  async checkResult({ id }: Request, result: unknown): Promise<unknown> {
    const schema = this.#resultSchema;
    if (schema === undefined) return result;
    try {
      return await unmarshalResult({ id, error: "", result, streamUrl: null }, schema);
    } catch (cause) {
      if (!(cause instanceof AcommError)) throw cause;
      throw new AcommError("remote", `the handler's result does not fit: ${cause.message}`, { cause });
    }
  }

  /** How it is announced on a network; undefined where it is served on none. */
  announced(): AnnouncedEndpoint | undefined {
    if (this.#onNetwork === undefined) return undefined;
    const { shared, own } = this.#onNetwork;
    return {
      name: this.name,
      url: own.listener.url,
      sharedUrl: shared.listener.url,
      metadata: {
        priority: String(this.#priority),
        idempotent: String(this.#idempotent),
        ...(this.timeoutMs === undefined ? undefined : { timeoutMs: String(this.timeoutMs) }),
        ...(this.#description === "" ? undefined : { description: this.#description.slice(0, maxAnnouncedLength) }),
      },
      counts: () => ({ done: this.doneCount, failed: this.failedCount, busyMs: this.busyMs, lastFailure: this.lastFailure }),
    };
  }

  describe(): TaskDescription {
    this.#schemas ??= { args: jsonSchemaOf(this.#argsSchema, "input"), result: jsonSchemaOf(this.#resultSchema, "output") };
    return {
      task: this.name,
      description: this.#description,
      priority: this.#priority,
      timeoutMs: this.timeoutMs ?? null,
      concurrency: this.queue.concurrency,
      maxQueued: this.queue.maxQueued,
      idempotent: this.#idempotent,
      ...this.#schemas,
      running: this.queue.runningCount,
      queued: this.queue.queuedCount,
      done: this.doneCount,
      failed: this.failedCount,
    };
  }
}

function checkOwnName(name: string): string {
  checkTaskName(name);
  if (name.startsWith("acomm.")) throw new AcommError("unknown_task", `task: names that begin with acomm. are the protocol's own, and ${name} is one: choose another name`);
  return name;
}

function checkSchema(schema: StandardSchemaV1 | undefined, field: string): StandardSchemaV1 | undefined {
  const standard = (schema as Partial<StandardSchemaV1> | null | undefined)?.["~standard"] as Partial<StandardSchemaV1.Props> | undefined;
  if (schema === undefined || typeof standard?.validate === "function") return schema;
  throw new AcommError("bad_field", `${field} must be a Standard Schema, such as one of zod, valibot or arktype: a JSON Schema is none`);
}
