import { createRequest, encodeRequest, parseUrl } from "@acomm/protocol";
import { codeOf, errorOf, NatsServer, temporaryDirectory, thrownBy, whyNoNatsServer } from "@acomm/testing";
import { createRegistry, send, serve } from "@acomm/transport";
import type { OutgoingMessage, RequestHandler, Service, ServeOptions } from "@acomm/transport";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { encodeControl } from "./control.ts";
import { createNatsNetwork } from "./network.ts";
import type { NatsListenerOptions, NatsNetwork, NatsNetworkOptions } from "./network.ts";

const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b" };

describe.skipIf(whyNoNatsServer !== undefined)("a network over NATS", () => {
  let server: NatsServer;
  let count = 0;
  beforeAll(async () => { server = await NatsServer.start(); });
  afterAll(() => server[Symbol.asyncDispose]());

  function open(options: Partial<NatsNetworkOptions> = {}): NatsNetwork {
    const network = createNatsNetwork({ server: server.url, ...options });
    onTestFinished(() => network.close());
    return network;
  }

  async function startService(network: NatsNetwork, handler: RequestHandler, options: NatsListenerOptions & ServeOptions & { readonly subject?: string } = {}): Promise<{ readonly service: Service; readonly url: URL; readonly subject: string }> {
    const { subject = `service.${count++}`, queueGroup, durable, maxFrameBytes, maxBufferedBytes, ...served } = options;
    const listener = network.createListener(subject, { queueGroup, durable, maxFrameBytes, maxBufferedBytes });
    await listener.start();
    const service = serve(listener, handler, served);
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    return { service, url: listener.url, subject };
  }

  /** A client that knows nothing of acomm. */
  async function bareClient(): Promise<NatsConnection> {
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    return connection;
  }

  function message(id: string, part: Partial<OutgoingMessage> = {}): OutgoingMessage {
    return {
      id, takesReply: true, isSettled: false, carrier: undefined, attempts: 0,
      encode: () => encodeRequest(createRequest({ task: "t", id }), { reply: true }),
      accepted: () => undefined, answered: () => undefined, failed: () => undefined, strayAnswer: () => undefined,
      ...part,
    };
  }

  test("where nobody listens it is unavailable at once", async () => {
    const startedAt = performance.now();
    expect(await codeOf(open().transport.send(parseUrl(`${server.url}/nobody`), encodeRequest(createRequest({ task: "t" })), {}))).toBe("unavailable");
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test("where there is no server it is unavailable, and works once there is one", async () => {
    const later = await NatsServer.start();
    onTestFinished(() => later[Symbol.asyncDispose]());
    await later.kill();
    const network = open({ server: later.url });
    const url = parseUrl(`${later.url}/late`);
    const text = encodeRequest(createRequest({ task: "t" }));
    expect(await codeOf(network.transport.send(url, text, {}))).toBe("unavailable");
    expect(await codeOf(network.createListener("late").start())).toBe("unavailable");
    await later.restart();
    await startService(network, () => null, { subject: "late" });
    expect(await codeOf(network.transport.send(url, text, {}))).toBe("fulfilled");
  });

  test("a message waits for a server that is gone for reconnectTimeoutMs, then it is unavailable", async () => {
    const leaving = await NatsServer.start();
    onTestFinished(() => leaving[Symbol.asyncDispose]());
    const network = open({ server: leaving.url, reconnectTimeoutMs: 300 });
    await startService(network, () => null, { subject: "t" });
    const url = parseUrl(`${leaving.url}/t`);
    const trySend = (): Promise<string> => codeOf(network.transport.send(url, encodeRequest(createRequest({ task: "t" })), {}));
    expect(await trySend()).toBe("fulfilled");
    await leaving.kill();
    let code = await trySend();
    while (code === "ambiguous") code = await trySend(); // the end of the connection was not noticed yet
    expect(code).toBe("unavailable");
  });

  test("a URL of another server is forbidden_target: it shall not see these credentials", async () => {
    const network = open({ connection: { user: "u", pass: "secret" } });
    const url = parseUrl("nats://127.0.0.1:1/somewhere");
    expect(await codeOf(network.transport.send(url, "text", {}))).toBe("forbidden_target");
    expect(await codeOf(network.transport.openStream(url, {}))).toBe("forbidden_target");
    const failed = Promise.withResolvers<string>();
    network.transport.call?.(url, message("a", { failed: ({ code }) => { failed.resolve(code); } }));
    expect(await failed.promise).toBe("forbidden_target");
  });

  test.each(["$JS.API.STREAM.DELETE.x", "$SYS.REQ.SERVER.PING", "a..b", "a.*", ">", "a b", "", "x%0d%0aPUB"])("the subject %j is bad_address", async (subject) => {
    const network = open();
    const path = subject.includes("%") ? subject : encodeURIComponent(subject);
    expect(await codeOf(network.transport.send(parseUrl(`${server.url}/${path}`), "text", {}))).toBe("bad_address");
    if (subject !== "" && !subject.includes("%")) expect(thrownBy(() => network.createListener(subject)).code).toBe("bad_address");
  });

  test("bad options name themselves", () => {
    expect(thrownBy(() => createNatsNetwork({ server: "http://127.0.0.1" })).message).toMatch("server");
    expect(thrownBy(() => open({ ackTimeoutMs: 0 })).message).toMatch("ackTimeoutMs");
    expect(thrownBy(() => open().createListener("a", { queueGroup: "*" })).code).toBe("bad_address");
  });

  test("listeners of one group share what comes; each group gets all", async () => {
    const seen: string[] = [];
    const subject = `groups.${count++}`;
    for (const queueGroup of ["one", "one", "two"]) await startService(open(), () => { seen.push(queueGroup); }, { subject, queueGroup });
    const network = open();
    for (let index = 0; index < 20; index += 1) await network.transport.send(parseUrl(`${server.url}/${subject}`), encodeRequest(createRequest({ task: "t" })), {});
    await expect.poll(() => seen.length).toBe(40);
    expect(seen.filter((group) => group === "two")).toHaveLength(20);
  });

  test("a client that knows nothing of acomm gets acknowledgement and answer at its reply subject", async () => {
    const { subject } = await startService(open(), async ({ args }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return args;
    });
    const client = await bareClient();
    const texts: string[] = [];
    const answers = client.subscribe("mine.1", { callback: (_error, { data }) => { texts.push(Buffer.from(data).toString()); } });
    client.publish(subject, '{"id":"a","task":"t","responsehook":null,"stream_url":null,"args":7,"ext":{"reply":true}}', { reply: "mine.1" });
    await expect.poll(() => texts.length).toBe(2);
    answers.unsubscribe();
    expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual([
      { error: "", id: "", result: null, stream_url: null, ext: { keepAlive: true, reply: true, cancel: true } },
      { error: "", id: "a", result: 7, stream_url: null, ext: { reply: true } },
    ]);
    expect((await client.request(subject, "no JSON", { timeout: 2000 })).json()).toMatchObject({ error: expect.stringMatching(/^bad_json: /) as string });
    expect((await client.request(subject, Buffer.from([0xff]), { timeout: 2000 })).json()).toMatchObject({ error: expect.stringMatching(/^bad_json: /) as string });
    expect((await client.request(subject, "", { timeout: 2000 })).json()).toMatchObject({ error: expect.stringMatching(/^bad_frame: /) as string });
  });

  test("the headers carry the deadline and the trace, of a call and of a text that is sent", async () => {
    const client = await bareClient();
    const seen: (string | undefined)[][] = [];
    const subject = `headers.${count++}`;
    client.subscribe(subject, { callback: (_error, { headers }) => { seen.push([headers?.get("Acomm-Timeout"), headers?.get("traceparent"), headers?.get("tracestate")]); } });
    await client.flush();
    const { transport } = open({ ackTimeoutMs: 100 });
    const url = parseUrl(`${server.url}/${subject}`);
    transport.call?.(url, message("a", { asks: { timeoutMs: 1500, trace } }));
    transport.call?.(url, message("b", { asks: { timeoutMs: 1500 } }));
    expect(await codeOf(transport.send(url, encodeRequest(createRequest({ task: "t" }), { timeoutMs: 20, trace: { ...trace, tracestate: "no\r\nheader" } }), {}))).toBe("timeout");
    expect(seen).toEqual([["1500", trace.traceparent, "a=b"], ["1500", "", ""], ["20", trace.traceparent, ""]]);
  });

  test("what is longer than the server's payload goes there and back, is refused by its length, and doesn't hold up others", async () => {
    const network = open({ maxFrameBytes: 8 * 1024 * 1024 });
    const { url } = await startService(network, ({ args }) => args, { maxFrameBytes: 4 * 1024 * 1024 });
    const long = "ä".repeat(1_900_000);
    const answer = Promise.withResolvers<string>();
    open().transport.call?.(parseUrl(url), message("a", {
      encode: () => encodeRequest(createRequest({ task: "t", id: "a", args: long }), { reply: true }),
      answered: (text) => { answer.resolve((JSON.parse(text) as { result: string }).result); },
      failed: answer.reject,
    }));
    expect((await answer.promise) === long).toBe(true);
    expect(await codeOf(send(url, createRequest({ task: "t", args: "x".repeat(5_000_000) }), { registry: createRegistry([network.transport]) }))).toBe("frame_too_large");
  });

  test("neither a long message nor a reply subject leads to the interfaces of the server", async () => {
    const { subject } = await startService(open(), () => null);
    const client = await bareClient();
    const verdict = Promise.withResolvers<string>();
    client.subscribe("mine.2", { max: 1, callback: (_error, { data }) => { verdict.resolve((JSON.parse(Buffer.from(data).toString()) as { error: string }).error); } });
    client.publish(subject, "", { reply: "mine.2", headers: encodeControl({ word: "long", bytes: 10, stream: "$SYS.REQ.SERVER.PING" }) });
    expect(await verdict.promise).toMatch(/^bad_address: /);
    const before = client.stats().inMsgs;
    client.subscribe("$SYS.>", { callback: () => undefined }); // of this account
    client.publish(subject, encodeRequest(createRequest({ task: "t" }), { reply: true }), { reply: "$SYS.MINE" });
    await client.flush();
    await client.request(subject, encodeRequest(createRequest({ task: "t" })), { timeout: 2000 }); // it has come after
    expect(client.stats().inMsgs - before).toBe(1);
  });

  test("the server is given credentials and TLS by the client library, or nothing", async () => {
    await using directory = await temporaryDirectory();
    const at = (name: string): string => join(directory.path, name);
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", at("key.pem"), "-out", at("cert.pem")], { stdio: "ignore" });
    await using guarded = await NatsServer.start(`authorization { user: u, password: p }\ntls { cert_file: "${at("cert.pem")}", key_file: "${at("key.pem")}", ca_file: "${at("cert.pem")}", verify: true }`);
    const ca = readFileSync(at("cert.pem"), "utf8");
    const tls = { ca, cert: ca, key: readFileSync(at("key.pem"), "utf8") };
    const url = parseUrl(`${guarded.url}/t`);
    for (const connection of [{}, { user: "u", pass: "p" }, { tls }, { tls, user: "u", pass: "wrong" }, { tls: { cert: tls.cert, key: tls.key }, user: "u", pass: "p" }]) {
      const error = await errorOf(open({ server: guarded.url, connection }).transport.send(url, "text", {}));
      expect(error.code).toBe("unavailable");
      expect(`${error.message} ${error.stack ?? ""}`).not.toContain("wrong");
    }
    const network = open({ server: guarded.url, connection: { tls, user: "u", pass: "p" } });
    await startService(network, () => null, { subject: "t" });
    expect(await codeOf(network.transport.send(url, encodeRequest(createRequest({ task: "t" })), {}))).toBe("fulfilled");
  });

  test("a stop takes what the server has handed out before, and answers it; what comes then goes to the others", async () => {
    const seen: string[] = [];
    const subject = `drain.${count++}`;
    const first = await startService(open(), ({ id }) => { seen.push(id); }, { subject });
    const { transport } = open();
    const url = parseUrl(`${server.url}/${subject}`);
    const sending = Array.from({ length: 500 }, (_, index) => codeOf(transport.send(url, encodeRequest(createRequest({ task: "t", id: `m${index}` })), {})));
    await sending[0];
    await startService(open(), ({ id }) => { seen.push(id); }, { subject });
    await first.service.stop();
    const codes = await Promise.all(sending);
    expect(codes.filter((code) => code !== "fulfilled" && code !== "stopping")).toEqual([]); // refused ones surely did not run
    expect(seen).toHaveLength(codes.filter((code) => code === "fulfilled").length);
  });

  test("a caller that is gone without a word is found out, and its handlers abort", async () => {
    const gone = await bareClient();
    const aborted = Promise.withResolvers<undefined>();
    const { subject } = await startService(open(), (_request, { signal }) => new Promise(() => { signal.addEventListener("abort", () => { aborted.resolve(undefined); }); }));
    gone.subscribe("gone.inbox.*", { callback: () => undefined });
    gone.publish(subject, encodeRequest(createRequest({ task: "t" }), { reply: true }), { reply: "gone.inbox.1" });
    await gone.flush();
    await gone.close();
    await aborted.promise;
  });
});
