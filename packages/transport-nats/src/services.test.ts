import { codeOf, errorOf, NatsServer, whyNoNatsServer } from "@acomm/testing";
import type { Announcement, ServiceAnnouncement } from "@acomm/transport";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { runFixture } from "./fixtures/run-fixture.ts";
import { createNatsNetwork } from "./network.ts";
import type { NatsNetwork } from "./network.ts";

describe.skipIf(whyNoNatsServer !== undefined)("services on a NATS server", () => {
  let server: NatsServer;
  beforeAll(async () => { server = await NatsServer.start(); });
  afterAll(() => server[Symbol.asyncDispose]());

  function open(): NatsNetwork {
    const network = createNatsNetwork({ server: server.url });
    onTestFinished(() => network.close());
    return network;
  }

  async function bareClient(): Promise<NatsConnection> {
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    return connection;
  }

  /** What a service tells that has one task. */
  function disks(network: NatsNetwork, more: Partial<ServiceAnnouncement> = {}): ServiceAnnouncement {
    const endpoint = { name: "disk.info", url: network.urlOf("disks.own"), sharedUrl: network.urlOf("disks"), metadata: { priority: "50" }, counts: () => ({ done: 3, failed: 1, busyMs: 8 }) };
    return { name: "disks.of", description: "of this machine", version: "1.2.3", metadata: { host: "one" }, endpoints: [endpoint], ...more };
  }

  async function announce(network: NatsNetwork, more: Partial<ServiceAnnouncement> = {}): Promise<Announcement> {
    const announcement = await network.announce(disks(network, more));
    onTestFinished(() => announcement.withdraw());
    return announcement;
  }

  const ask = async (client: NatsConnection, subject: string): Promise<Record<string, unknown>> => (await client.request(subject, "", { timeout: 5000 })).json();

  test("what is announced is found from another connection, as it was told", async () => {
    const network = open();
    const { id } = await announce(network);
    const [found, ...others] = await open().discover();
    expect(others).toEqual([]);
    expect(found).toEqual({ name: "disks.of", id, description: "of this machine", metadata: { host: "one" }, endpoints: [{ name: "disk.info", url: network.urlOf("disks.own"), metadata: { priority: "50" } }] });
  });

  test("answers what the service API of NATS asks for, of all, of a name and of one", async () => {
    const { id } = await announce(open());
    const client = await bareClient();
    const head = { name: "disks_of", id, version: "1.2.3", metadata: { host: "one", "acomm.name": "disks.of" } };
    const endpoint = { name: "disk_info", subject: "disks", queue_group: "acomm" };
    for (const path of ["", ".disks_of", `.disks_of.${id}`]) {
      expect(await ask(client, `$SRV.PING${path}`)).toEqual({ type: "io.nats.micro.v1.ping_response", ...head });
      expect(await ask(client, `$SRV.INFO${path}`)).toEqual({
        type: "io.nats.micro.v1.info_response", ...head, description: "of this machine",
        endpoints: [{ ...endpoint, metadata: { priority: "50", "acomm.name": "disk.info", "acomm.subject": "disks.own" } }],
      });
      const { started, ...stats } = await ask(client, `$SRV.STATS${path}`);
      expect(stats).toEqual({ type: "io.nats.micro.v1.stats_response", ...head, endpoints: [{ ...endpoint, num_requests: 4, num_errors: 1, last_error: "", processing_time: 8_000_000, average_processing_time: 2_000_000 }] });
      expect(new Date(started as string).getTime()).toBeLessThanOrEqual(Date.now());
    }
  });

  test("what is withdrawn is found no more, and where nobody is there it is known at once", async () => {
    const looker = open();
    const announcement = await announce(open());
    expect(await looker.discover()).toHaveLength(1);
    await announcement.withdraw();
    await announcement.withdraw();
    expect(await looker.discover({ waitMs: 2 ** 31 - 1 })).toEqual([]);
  });

  test("several of one name are told apart", async () => {
    const first = await announce(open());
    const second = await announce(open());
    expect((await open().discover()).map(({ id }) => id).sort()).toEqual([first.id, second.id].sort());
  });

  test("whoever watches hears of those who come and go", async () => {
    const looker = open();
    let heard: () => void = () => undefined;
    const change = async (cause: () => Promise<unknown>): Promise<void> => {
      const told = new Promise<void>((resolve) => (heard = resolve));
      await cause();
      await told;
    };
    const watch = looker.watch(() => { heard(); });
    await new Promise<void>((resolve) => (heard = resolve)); // it has subscribed
    const network = open();
    let announcement: Announcement | undefined;
    await change(async () => { announcement = await network.announce(disks(network)); });
    await change(async () => { await announcement?.withdraw(); });
    watch[Symbol.dispose]();
  });

  test("services of others, and what is no service at all, are passed over", async () => {
    const client = await bareClient();
    const answers = [
      "no json", "[]", "{}", JSON.stringify({ type: "io.nats.micro.v1.info_response", name: "other", id: "X", version: "1.0.0", metadata: {}, description: "", endpoints: [] }),
      JSON.stringify({ type: "io.nats.micro.v1.info_response", id: "Y", metadata: { "acomm.name": "evil" }, endpoints: [{ name: "t", metadata: { "acomm.name": "t", "acomm.subject": "$SYS.REQ" } }] }),
      JSON.stringify({ type: "io.nats.micro.v1.info_response", id: "Z", metadata: { "acomm.name": "evil" }, endpoints: [{ name: "t", metadata: { "acomm.name": "t", "acomm.subject": ">" } }] }),
    ];
    client.subscribe("$SRV.INFO", { callback: (_error, message) => { for (const answer of answers) message.respond(answer); } });
    await client.flush();
    const { id } = await announce(open());
    expect((await open().discover()).map((service) => service.id)).toEqual([id]);
  });

  test("a process that was killed is found no more", async () => {
    await using service = runFixture("announced", server.url);
    await service.message();
    const looker = open();
    expect(await looker.discover()).toHaveLength(1);
    await service.kill("SIGKILL");
    expect(await looker.discover()).toEqual([]);
  });

  test("a server that was gone finds them again", async () => {
    await using own = await NatsServer.start();
    const [service, looker] = [createNatsNetwork({ server: own.url }), createNatsNetwork({ server: own.url })];
    onTestFinished(async () => { await Promise.all([service.close(), looker.close()]); });
    const { id } = await service.announce(disks(service));
    let heard: () => void = () => undefined;
    using _watch = looker.watch(() => { heard(); });
    expect(await looker.discover()).toHaveLength(1);
    const gone = new Promise<void>((resolve) => (heard = resolve));
    await own.kill();
    await gone;
    const backAgain = new Promise<void>((resolve) => (heard = resolve));
    await own.restart();
    await backAgain;
    // the service may find the server a little later than who looks
    let found = await looker.discover();
    while (found.length === 0) found = await looker.discover();
    expect(found.map((one) => one.id)).toEqual([id]);
  });

  test("what can't be announced is refused with what to do", async () => {
    const network = open();
    expect(await errorOf(network.announce(disks(network, { name: "" })))).toMatchObject({ code: "bad_field" });
    for (const version of ["one", "1.2", "01.2.3", "1.2.3-01", "1.2.3-.."]) expect(await errorOf(network.announce(disks(network, { version })))).toMatchObject({ code: "bad_field" });
    const endpoints = [{ name: "t", url: new URL("nats://elsewhere/t") }];
    expect(await errorOf(network.announce({ name: "n", endpoints }))).toMatchObject({ code: "forbidden_target" });
    const tooMany = Array.from({ length: 10_000 }, (_, index) => ({ name: `task${index}`, url: network.urlOf(`t${index}`) }));
    expect(await errorOf(network.announce({ name: "n", endpoints: tooMany }))).toMatchObject({ code: "bad_field", message: expect.stringContaining("max_payload") as string });
  });

  test("statistics are whole numbers, and name the code of the last failure", async () => {
    const network = open();
    await announce(network, { version: "1.2.3-rc.1+b.01", endpoints: [{ name: "t", url: network.urlOf("t"), counts: () => ({ done: 2, failed: 1, busyMs: 5e-6, lastFailure: "timeout" }) }] });
    expect(await ask(await bareClient(), "$SRV.STATS")).toMatchObject({ endpoints: [{ num_requests: 3, num_errors: 1, last_error: "timeout", processing_time: 5, average_processing_time: 1 }] });
  });

  test("a function that counts and throws, or watches and throws, harms no other", async () => {
    const network = open();
    let watched = 0;
    using _watch = network.watch(() => {
      watched += 1;
      throw new Error("of the watcher");
    });
    await announce(network, { endpoints: [{ name: "t", url: network.urlOf("t"), counts: () => { throw new Error("of the counts"); } }] });
    const client = await bareClient();
    client.publish("$SRV.STATS", "", { reply: "nobody.listens" });
    await client.flush();
    expect(await ask(client, "$SRV.PING")).toMatchObject({ name: "disks_of" });
    expect(watched).toBeGreaterThan(0);
  });

  test("what is announced while the network is closed is refused, and found by nobody", async () => {
    const network = open();
    const announcing = codeOf(network.announce(disks(network)));
    await network.close();
    expect(await announcing).toBe("stopping");
    expect(await open().discover()).toEqual([]);
  });

  test("while the server is gone nothing is announced: it is unavailable at once", async () => {
    await using own = await NatsServer.start();
    const network = createNatsNetwork({ server: own.url });
    onTestFinished(() => network.close());
    await announce(network);
    await own.kill();
    while ((await codeOf(network.discover())) !== "unavailable");
    expect(await codeOf(network.announce(disks(network)))).toBe("unavailable");
  });

  test("what is announced can be told, statistics too, however high they count", async () => {
    const network = open();
    const endpoints = (count: number): ServiceAnnouncement["endpoints"] =>
      Array.from({ length: count }, (_, index) => ({ name: `t${index}`, url: network.urlOf(`t${index}`), counts: () => ({ done: 2 ** 50, failed: 2 ** 50, busyMs: 2 ** 40, lastFailure: "truncated_stream" }) }));
    expect(await codeOf(network.announce({ name: "n", endpoints: endpoints(5000) }))).toBe("bad_field");
    await announce(network, { endpoints: endpoints(3000) });
    const client = await bareClient();
    for (const verb of ["INFO", "STATS"]) expect((await ask(client, `$SRV.${verb}`))["endpoints"]).toHaveLength(3000);
  });

  test("who names itself with nothing, or with what a terminal obeys, is passed over", async () => {
    const client = await bareClient();
    const answer = (id: string, name: string, task: string): string =>
      JSON.stringify({ type: "io.nats.micro.v1.info_response", id, metadata: { "acomm.name": name }, endpoints: [{ name: "t", metadata: { "acomm.name": task, "acomm.subject": "t" } }] });
    const answers = [answer("\u001b[2J", "n", "t"), answer("I", "\u0007", "t"), answer("I", "n", "\u009b"), answer("", "n", "t"), answer("I", "", "t"), answer("good", "n", "t")];
    client.subscribe("$SRV.INFO", { callback: (_error, message) => { for (const text of answers) message.respond(text); } });
    await client.flush();
    expect((await open().discover()).map(({ id }) => id)).toEqual(["good"]);
  });

  test("a look ends with its signal, and with the network", async () => {
    const network = open();
    await announce(open());
    const foreign = await bareClient();
    foreign.subscribe("$SRV.INFO", { callback: () => undefined });
    await foreign.flush();
    expect(await codeOf(network.discover({ signal: AbortSignal.abort() }))).toBe("cancelled");
    const controller = new AbortController();
    const look = network.discover({ waitMs: 60_000, signal: controller.signal });
    controller.abort();
    expect(await codeOf(look)).toBe("cancelled");
    await network.close();
    expect(await codeOf(network.discover())).toBe("stopping");
    expect(await codeOf(network.announce(disks(network)))).toBe("stopping");
  });
});
