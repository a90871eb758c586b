import { createRequest, createResponse, parseUrl } from "@acomm/protocol";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { RequestListener } from "node:http";
import { connect as connectPlain } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import type { TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { deliverResponse } from "../deliver.ts";
import { startHttp } from "../fixtures/http.ts";
import { codeOf, errorOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { createRegistry } from "../registry.ts";
import { HttpDoor } from "./door.ts";
import type { Transport } from "../transport.ts";
import { createHttpTransport } from "./transport.ts";
import type { HttpTransportOptions } from "./transport.ts";

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // then there is no certificate to try with
  }
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}

const accepted = '{"error":"","id":"","result":null,"stream_url":null}';

describe.skipIf(!hasOpenssl())("S17 https", () => {
  let directory: TemporaryDirectory;
  let cert = "";
  let key = "";
  beforeAll(async () => {
    directory = await temporaryDirectory();
    const [certPath, keyPath] = [join(directory.path, "cert.pem"), join(directory.path, "key.pem")];
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", keyPath, "-out", certPath);
    cert = readFileSync(certPath, "utf8");
    key = readFileSync(keyPath, "utf8");
  });
  afterAll(() => directory[Symbol.asyncDispose]());

  async function startTls(listener: RequestListener, options: TlsOptions = {}): Promise<number> {
    const server = createServer({ cert, key, ...options }, listener).listen(0, "127.0.0.1");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  function client(options: HttpTransportOptions = { tls: { ca: cert } }): (url: string) => Promise<unknown> {
    const transport = createHttpTransport(options);
    onTestFinished(() => transport.close());
    return (url) => transport.send(parseUrl(url), "text", {});
  }

  test("is taken from a server whose certificate the authority has signed, on kept connections", async () => {
    const sockets = new Set<unknown>();
    const port = await startTls((request, response) => {
      sockets.add(request.socket);
      response.end(accepted);
    });
    const send = client({ tls: { ca: cert }, maxSockets: 1 });
    const warnings: unknown[] = [];
    const warn = (warning: Error): void => { warnings.push(warning); };
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    for (const ack of await Promise.all(Array.from({ length: 30 }, () => send(`https://localhost:${port}/`)))) expect(ack).toMatchObject({ error: "" });
    expect([sockets.size, warnings]).toEqual([1, []]);
  });

  test("an unknown authority, another name or no TLS at all is unavailable: nothing was sent", async () => {
    let requests = 0;
    const port = await startTls(() => { requests += 1; });
    expect(await codeOf(client({})(`https://localhost:${port}/`))).toBe("unavailable");
    expect(await codeOf(client()(`https://127.0.0.1:${port}/`))).toBe("unavailable");
    await using plain = await startHttp(() => { requests += 1; });
    expect(await codeOf(client()(`https://localhost:${plain.port}/`))).toBe("unavailable");
    expect(requests).toBe(0);
  });

  test("an exchange that breaks off after the request was sent is ambiguous, on a new connection and on a kept one", async () => {
    const port = await startTls((request, response) => {
      if (request.url === "/good") response.end(accepted);
      else request.socket.destroy();
    });
    const send = client({ tls: { ca: cert }, maxSockets: 1 });
    expect(await codeOf(send(`https://localhost:${port}/bad`))).toBe("ambiguous");
    expect(await Promise.all(["good", "bad", "good"].map((path) => codeOf(send(`https://localhost:${port}/${path}`))))).toEqual(["fulfilled", "ambiguous", "fulfilled"]);
  });

  test("a certificate that has expired is unavailable, also where the environment tells Node to look away", async () => {
    const own = await temporaryDirectory();
    onTestFinished(() => own[Symbol.asyncDispose]());
    const at = (name: string): string => join(own.path, name);
    writeFileSync(at("ca.cnf"), `[ca]\ndefault_ca=d\n[d]\ndatabase=${at("index.txt")}\nnew_certs_dir=${own.path}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n`);
    writeFileSync(at("index.txt"), "");
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", at("key.pem"), "-out", at("request.pem"));
    openssl("ca", "-batch", "-notext", "-config", at("ca.cnf"), "-selfsign", "-keyfile", at("key.pem"), "-in", at("request.pem"), "-out", at("expired.pem"), "-startdate", "20200101000000Z", "-enddate", "20200201000000Z");
    const expired = readFileSync(at("expired.pem"), "utf8");
    let requests = 0;
    const port = await startTls(() => { requests += 1; }, { cert: expired, key: readFileSync(at("key.pem"), "utf8") });
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined); // Node's own, of the environment
    onTestFinished(() => {
      vi.unstubAllEnvs();
      warn.mockRestore();
    });
    expect(await errorOf(client({ tls: { ca: expired } })(`https://localhost:${port}/`))).toMatchObject({ code: "unavailable", cause: { code: "CERT_HAS_EXPIRED" } });
    expect(requests).toBe(0);
  });

  test("a server that speaks nothing newer than TLS 1.1 is unavailable", async () => {
    let requests = 0;
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
    const port = await startTls(() => { requests += 1; }, old);
    expect(await codeOf(client()(`https://localhost:${port}/`))).toBe("unavailable");
    expect(await codeOf(client({ tls: { ca: cert, minVersion: "TLSv1.3" } })(`https://localhost:${port}/`))).toBe("unavailable");
    expect(requests).toBe(0);
    const willing = connect({ port, host: "localhost", ca: cert, ...old });
    await once(willing, "secureConnect"); // it is there, for whoever takes it
    expect(willing.getProtocol()).toBe("TLSv1.1");
    willing.destroy();
  });

  test("a server that wants to know who calls takes nothing without a certificate, and nothing in plain text", async () => {
    let requests = 0;
    const port = await startTls((_request, response) => {
      requests += 1;
      response.end(accepted);
    }, { requestCert: true, rejectUnauthorized: true, ca: cert });
    // over TLS 1.3 the refusal comes when the message is on its way
    expect(await codeOf(client()(`https://localhost:${port}/`))).toMatch(/^(unavailable|ambiguous)$/);
    expect(await codeOf(client()(`http://localhost:${port}/`))).toMatch(/^(unavailable|ambiguous)$/);
    expect(requests).toBe(0);
    expect(await client({ tls: { ca: cert, cert, key } })(`https://localhost:${port}/`)).toMatchObject({ error: "" });
    expect(requests).toBe(1);
  });

  test("a response hook shows its certificate as well, or gets nothing", async () => {
    let requests = 0;
    const port = await startTls((_request, response) => {
      requests += 1;
      response.end(accepted);
    });
    const request = createRequest({ task: "t", responseHook: `https://localhost:${port}/` });
    const deliver = async (transport: Transport): Promise<void> => {
      await using registry = createRegistry([transport]);
      await deliverResponse(request, createResponse(request), { registry, admit: () => true, timeoutMs: 500 });
    };
    expect(await errorOf(deliver(createHttpTransport()))).toMatchObject({ code: "undeliverable", cause: { code: expect.stringMatching(/^(unavailable|timeout)$/) as string } }); // the last try may have had no time left
    expect(requests).toBe(0);
    await deliver(createHttpTransport({ tls: { ca: cert } }));
    expect(requests).toBe(1);
  });

  test("a stop doesn't wait for callers that have not come through the handshake", async () => {
    const door = new HttpDoor({ tls: { cert, key }, headersTimeoutMs: 60_000 });
    await door.start();
    const { port } = door.url;
    const silent = connectPlain(Number(port), "127.0.0.1");
    onTestFinished(() => void silent.destroy());
    const ended = once(silent.on("error", () => undefined).resume(), "close");
    await once(silent, "connect");
    // whoever connects later and gets an answer shows that the silent one is accepted
    const later = connect({ port: Number(port), host: "localhost", ca: cert });
    await once(later, "secureConnect");
    later.destroy();
    await door.stop({ graceMs: 0 });
    await ended;
  });
});
