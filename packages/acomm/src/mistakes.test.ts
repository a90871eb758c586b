// What somebody gets wrong on the first day, and what the error then says: which value it is about, and what to do.
import { errorOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { chmod, mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, afterAll, describe, expect, onTestFinished, test } from "vitest";
import { Coordinator, createClient, MultiRequest, Provider, serve, Tracker, UnixListener } from "./index.ts";

const directory = await temporaryDirectory();
const socketDir = join(directory.path, "s");
const provider = new Provider({ socketDir, name: "disks" }).task("disk-info", {}, () => ["sda"]).task("disk-wipe", {}, () => new Promise<never>(() => undefined));
const coordinator = new Coordinator({ socketDir });
const tracker = new Tracker();

beforeAll(async () => {
  await provider.start();
  await coordinator.start();
  await tracker.start();
});

afterAll(async () => {
  await tracker.stop({ graceMs: 0 });
  await coordinator.stop({ graceMs: 0 });
  await provider.stop({ graceMs: 0 });
  await directory[Symbol.asyncDispose]();
});

/** As JavaScript calls it, where no compiler has looked. */
const untyped = (value: unknown): never => value as never;
const said = async (promise: Promise<unknown>): Promise<string> => {
  const { code, message } = await errorOf(promise);
  return `${code}: ${message}`;
};
const thrown = (action: () => unknown): string => {
  const { code, message } = thrownBy(action);
  return `${code}: ${message}`;
};

describe("a task by a wrong name", () => {
  test("is told the name that was probably meant, by the coordinator and by a provider", async () => {
    expect(await said(tracker.request(coordinator.url, { task: "disk-inof" }))).toBe("unknown_task: no provider has ever served disk-inof here: did you mean disk-info?");
    expect(await said(tracker.request(`unix://${provider.sockets["disk-info"]!}`, { task: "disk-inof" }))).toBe('unknown_task: this socket serves disk-info and acomm.describe, not "disk-inof": did you mean disk-info?');
  });

  test("at the socket of another task of the provider is sent to its own", async () => {
    expect(await said(tracker.request(`unix://${provider.sockets["disk-info"]!}`, { task: "disk-wipe" }))).toBe('unknown_task: this socket serves disk-info and acomm.describe, not "disk-wipe", which has its own: send it there, or to a coordinator');
    expect(await said(tracker.request(`unix://${provider.sockets["disk-info"]!}`, { task: "cpu-load" }))).toBe('unknown_task: this socket serves disk-info and acomm.describe, not "cpu-load": send it to a coordinator, which knows who serves it');
  });
});

describe("somebody who is not there", () => {
  test("a coordinator, a provider, a service that was not started", async () => {
    const advice = "nobody listens there: start the service, or correct the address (ENOENT)";
    expect(await said(createClient<typeof provider>(tracker, { socketDir, coordinator: "other" }).request("disk-info"))).toBe(`unavailable: connect to unix://${socketDir}/coordinator/other.sock: ${advice}`);
    await using listener = new UnixListener(join(socketDir, "late.sock"));
    await using _service = serve(listener, () => null);
    expect(await said(tracker.request(listener.url, { task: "echo" }))).toContain(advice);
  });

  test("a tracker before its start and after its stop", async () => {
    const other = new Tracker();
    expect(await said(other.request(coordinator.url, { task: "disk-info" }))).toBe("unavailable: the tracker is not started: await tracker.start()");
    await other.start();
    await other.stop();
    expect(await said(other.request(coordinator.url, { task: "disk-info" }))).toBe("stopping: the tracker is stopping: make a new one for more requests");
    expect(await said(other.start())).toBe("stopping: the tracker was stopped: make a new one");
  });

  test("a handler that never returns", async () => {
    // the caller says so, or the coordinator, which has what is left of its time: both end at once
    expect(await said(tracker.request(coordinator.url, { task: "disk-wipe", timeoutMs: 50 }))).toMatch(/^timeout: request ".*" \(disk-wipe\): accepted, but not answered within (?:50|[1-4]?\d) ms$/);
  });

  test("a peer that closes without a word", async () => {
    const path = join(socketDir, "mute.sock");
    const server = createServer((socket) => { socket.once("data", () => { socket.destroy(); }); }).listen(path);
    onTestFinished(() => { server.close(); });
    await new Promise((resolve) => { server.once("listening", resolve); });
    expect(await said(tracker.request(`unix://${path}`, { task: "echo" }))).toBe(`ambiguous: send to unix://${path}: the connection ended without an acknowledgement, and the message may have been accepted`);
  });
});

describe("a place that can't be used", () => {
  test("a path in the place of a URL, a relative path, and one that is too long", async () => {
    expect(await said(tracker.request("/run/acomm/a.sock", { task: "echo" }))).toMatch(/^bad_field: url must be a URL .*: write unix:\/\/\/run\/acomm\/a\.sock$/);
    expect(thrown(() => new UnixListener("a.sock"))).toBe("bad_address: the socket path a.sock is relative: give an absolute path");
    expect(thrown(() => new UnixListener(`/${"a".repeat(107)}`))).toBe("bad_address: the socket path has 108 bytes, the limit is 107: choose a shorter directory");
    expect(thrown(() => new Coordinator({ socketDir: "run" }))).toBe("bad_address: socketDir must be an absolute path such as /run/acomm");
  });

  test("a socket that somebody has, and a directory that everybody may write to", async () => {
    const path = provider.sockets["disk-info"]!;
    expect(await said(new UnixListener(path).start())).toBe(`bad_address: a live process listens at ${path}: stop it or choose another path or name`);
    const open = join(directory.path, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    expect(await said(new UnixListener(join(open, "a.sock")).start())).toBe(`bad_address: others may write to the socket directory ${open} (mode 777): make it private with chmod 700`);
  });

  test("a scheme that nobody serves", async () => {
    expect(await said(tracker.request("tcp://127.0.0.1:1", { task: "echo" }))).toBe("unknown_scheme: no transport for tcp: the registry knows unix, http, https");
  });
});

describe("an option", () => {
  test.each<[string, () => unknown, string]>([
    ["of a tracker", () => new Tracker(untyped({ timeout: 5 })), "Tracker has no option timeout: did you mean defaultTimeoutMs or hookTimeoutMs?"],
    ["of a provider", () => new Provider(untyped({ socketDirectory: "/run/acomm", name: "p" })), "Provider has no option socketDirectory: it has "],
    ["of a coordinator", () => new Coordinator(untyped({ socketDir, timeoutMs: 5 })), "Coordinator has no option timeoutMs: did you mean defaultTimeoutMs or ackTimeoutMs?"],
    ["of the door", () => new Coordinator(untyped({ socketDir, http: { ports: 80 } })), "http of Coordinator has no option ports: did you mean port?"],
    ["of a task", () => new Provider({ socketDir, name: "p" }).task("t", untyped({ timeout: 5 }), () => null), "task has no option timeout: did you mean timeoutMs?"],
    ["of a listener", () => new UnixListener("/run/acomm/a.sock", untyped({ maxConnection: 5 })), "UnixListener has no option maxConnection: did you mean maxConnections?"],
    ["of a service", () => serve(new UnixListener("/run/acomm/a.sock"), () => null, untyped({ maxinflight: 5 })), "serve has no option maxinflight: did you mean maxInFlight?"],
    ["of many requests", () => new MultiRequest(tracker, untyped({ timeout: 5 })), "MultiRequest has no option timeout: did you mean timeoutMs?"],
    ["left out altogether", () => new Provider(untyped(undefined)), "Provider takes an object of options, but it is missing"],
    ["that is a text", () => new Tracker({ defaultTimeoutMs: untyped("5") }), "defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, but is a string"],
    ["that is no number", () => new Tracker({ defaultTimeoutMs: NaN }), "defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, but is NaN"],
    ["that is negative", () => new Tracker({ defaultTimeoutMs: -1 }), "defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, but is -1"],
    ["that is no Standard Schema", () => new Provider({ socketDir, name: "p" }).task("t", { args: untyped({ type: "object" }) }, () => null), "args of t must be a Standard Schema, such as one of zod, valibot or arktype: a JSON Schema is none"],
    ["that is missing, a name", () => new Provider(untyped({ socketDir })), "name must be 1 to 128 letters, digits, dots, underscores and hyphens and begin with a letter or digit, but is missing"],
  ])("%s", (_, action, message) => {
    expect(thrown(action)).toContain(`bad_field: ${message}`);
  });

  test("options of a call: a controller in the place of its signal leaves nothing behind", async () => {
    const signal = untyped(new AbortController());
    expect(await said(tracker.request(coordinator.url, { task: "disk-info", signal }))).toBe("bad_field: signal must be an AbortSignal: of an AbortController, give its signal");
    expect(tracker.pendingCount).toBe(0);
    expect(await said(tracker.request(coordinator.url, { task: "disk-info", timeoutMs: NaN }))).toContain("bad_field: timeoutMs must be a number of milliseconds");
  });
});

describe("what stands in the wrong place", () => {
  test("of serve and of a task", () => {
    expect(thrown(() => serve(untyped("/run/acomm/a.sock"), () => null))).toBe('bad_field: serve needs a listener, such as new UnixListener("/run/acomm/a.sock")');
    expect(thrown(() => serve(new UnixListener("/run/acomm/a.sock"), untyped(undefined)))).toBe("bad_field: serve needs a handler, a function from a request to its result");
    expect(thrown(() => new Provider({ socketDir, name: "p" }).task("t", untyped(() => null), untyped(undefined)))).toBe("bad_field: task t needs its options before its handler: give {} for none");
    expect(thrown(() => provider.task("late", {}, () => null))).toBe("bad_field: task: late comes too late, add every task before the start");
  });
});
