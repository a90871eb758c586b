import { Coordinator } from "@acomm/coordinator";
import type { CoordinatorOptions } from "@acomm/coordinator";
import { Provider } from "@acomm/provider";
import { coordinatorSocketPath, providerSocketPath } from "@acomm/tracker";
import { openStream } from "@acomm/transport";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { exactText } from "./exact-json.ts";
import { buildPeer, buildTimeoutMs, GoPeer, hasGo, runPeer } from "./go-peer.ts";
import { admitLoopback, startHttpServer, startTracker, temporaryDirectory } from "./resources.ts";
import { digestOf, sequence } from "./stream-digest.ts";

/** The Go service as a provider of a task: it knows nothing of coordinators, its socket stands in the directory. */
async function provideInGo(socketDir: string, task: string, name = "go"): Promise<GoPeer> {
  const path = providerSocketPath(socketDir, { task, priority: 50, provider: name });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return GoPeer.listen("service", "-socket", path);
}

async function startCoordinator(socketDir: string, options: Partial<CoordinatorOptions> = {}): Promise<Coordinator> {
  const coordinator = new Coordinator({ socketDir, ...options });
  await coordinator.start();
  onTestFinished(async () => { await coordinator.stop({ graceMs: 0 }); });
  return coordinator;
}

async function provideEcho(socketDir: string): Promise<void> {
  const provider = new Provider({ socketDir, name: "ts" }).task("echo", {}, ({ args }) => args);
  await provider.start();
  onTestFinished(async () => { await provider.stop({ graceMs: 0 }); });
}

describe.skipIf(!hasGo)("a Go peer as a provider behind the coordinator", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  test("is found in the directory, and gets and gives JSON byte for byte", async () => {
    const socketDir = await temporaryDirectory();
    await provideInGo(socketDir, "echo");
    const { url } = await startCoordinator(socketDir);
    const tracker = await startTracker();
    const response = await tracker.forward(url, { id: "a", task: "echo", responseHook: null, streamUrl: null, args: null, raw: { text: exactText, value: null } });
    expect(response).toMatchObject({ error: "", raw: { text: exactText } });
  });

  test("its errors and its refusals are what the caller gets", async () => {
    const socketDir = await temporaryDirectory();
    await provideInGo(socketDir, "fail");
    await provideInGo(socketDir, "refuse");
    const { url } = await startCoordinator(socketDir);
    const tracker = await startTracker();
    await expect(tracker.request(url, { task: "fail", args: "no such disk" })).rejects.toMatchObject({ code: "remote", message: "no such disk" });
    await expect(tracker.request(url, { task: "refuse" })).rejects.toMatchObject({ code: "remote", message: expect.stringContaining("refused by the peer") });
  });

  test("its streams are read through HTTP", async () => {
    const socketDir = await temporaryDirectory();
    await provideInGo(socketDir, "stream");
    const coordinator = await startCoordinator(socketDir, { http: {} });
    const answer = await fetch(`${coordinator.httpUrl?.href ?? ""}?wait=10s`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id: "a", task: "stream", args: { bytes: 300_000 } }) });
    const { error, stream_url: stream } = (await answer.json()) as { readonly error: string; readonly stream_url: { readonly Scheme: string; readonly Host: string; readonly Path: string; readonly RawQuery: string } };
    expect(error).toBe("");
    const source = await openStream(`${stream.Scheme}://${stream.Host}${stream.Path}?${stream.RawQuery}`);
    expect(await digestOf(source)).toEqual(await digestOf(sequence(300_000)));
  });

  test("killed with its calls: they are ambiguous or time out, and one that comes takes over", async () => {
    const socketDir = await temporaryDirectory();
    const first = await provideInGo(socketDir, "echo", "a");
    const { url } = await startCoordinator(socketDir);
    const tracker = await startTracker();
    expect(await tracker.request(url, { task: "echo", args: 1 })).toBe(1);
    await first.end("SIGKILL");
    await provideInGo(socketDir, "echo", "b");
    expect(await tracker.request(url, { task: "echo", args: 2, timeoutMs: 5000 })).toBe(2);
  });
});

describe.skipIf(!hasGo)("a Go caller of the coordinator", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  // JavaScript can't hold the numbers of the exact text
  const providers: [where: string, provide: (socketDir: string) => Promise<unknown>, args: string][] = [
    ["in TypeScript", provideEcho, '{"b":[1,"ä€😀"],"a":null}'],
    ["in Go", (socketDir) => provideInGo(socketDir, "echo"), exactText],
  ];

  test.each(providers)("on its unix socket is answered at its own hook, by a provider %s", async (_, provide, args) => {
    const socketDir = await temporaryDirectory();
    await provide(socketDir);
    await startCoordinator(socketDir);
    const { exitCode, stdout, stderr } = await runPeer("client", "-socket", coordinatorSocketPath(socketDir), "-task", "echo", "-args", args);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout).raw).toContain(`,"result":${args},"stream_url":null`);
    expect(exitCode).toBe(0);
  });

  test("on its unix socket: 200 calls, 16 at once, each with its own answer", async () => {
    const socketDir = await temporaryDirectory();
    await provideEcho(socketDir);
    await startCoordinator(socketDir);
    const { stdout, stderr } = await runPeer("client", "-socket", coordinatorSocketPath(socketDir), "-task", "echo", "-count", "200", "-parallel", "16");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ sent: 200, answered: 200, failed: 0 });
  });

  test("of a task that nobody serves is refused", async () => {
    const socketDir = await temporaryDirectory();
    await provideEcho(socketDir);
    await startCoordinator(socketDir);
    expect(await runPeer("client", "-socket", coordinatorSocketPath(socketDir), "-task", "ecko")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("refused: unknown_task: ") });
  });

  test.each(providers)("over HTTP is answered at its own HTTP hook, by a provider %s", async (_, provide, args) => {
    const socketDir = await temporaryDirectory();
    await provide(socketDir);
    const coordinator = await startCoordinator(socketDir, { http: {}, admit: { hooks: admitLoopback } });
    const { exitCode, stdout, stderr } = await runPeer("client", "-url", coordinator.httpUrl?.href ?? "", "-httphook", "-task", "echo", "-args", args);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout).raw).toContain(`,"result":${args},"stream_url":null`);
    expect(exitCode).toBe(0);
  });

  test("over HTTP with a hook that nobody admitted is refused, and nobody is called", async () => {
    const socketDir = await temporaryDirectory();
    await provideEcho(socketDir);
    const coordinator = await startCoordinator(socketDir, { http: {} });
    let visits = 0;
    const hook = await startHttpServer((_, response) => {
      visits += 1;
      response.end();
    });
    expect(hook).toMatch(/^http:/);
    expect(await runPeer("client", "-url", coordinator.httpUrl?.href ?? "", "-httphook", "-task", "echo")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("refused: forbidden_target: ") });
    expect(visits).toBe(0);
  });
});
