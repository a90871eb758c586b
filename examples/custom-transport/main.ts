/** A scheme of one's own, TLS over TCP with client certificates: acomm+tls://host:port. How to connect and how to listen is all that it needs. */
import { Tracker } from "@acomm/tracker";
import { createRegistry, serve } from "@acomm/transport";
import { transportCompliance } from "@acomm/transport-testing";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, hasOpenssl } from "./certificates.ts";
import { createTlsListener, createTlsTransport } from "./tls.ts";

if (!hasOpenssl()) {
  console.log("custom-transport: left out, there is no openssl to make certificates with");
  process.exit();
}

const directory = await mkdtemp(join(tmpdir(), "acomm-tls-"));
try {
  const authority = createAuthority(directory, "ours");
  const [server, client] = [authority.issue("server"), authority.issue("client")];
  const stranger = createAuthority(directory, "theirs").issue("client");

  const listener = createTlsListener(server);
  await listener.start();
  const { url } = listener;
  let runs = 0;
  const service = serve<{ readonly name: string }>(listener, ({ args }) => {
    runs += 1;
    return `hello ${args.name}`;
  });

  // responses come in the same way where they don't come on the connection: no unix socket is left in it
  await using registry = createRegistry([createTlsTransport(client)]);
  const tracker = new Tracker({ registry, listener: createTlsListener(client) });
  await tracker.start();
  assert.equal(tracker.url.protocol, "acomm+tls:");
  assert.equal(await tracker.request(url, { task: "greet", args: { name: "tls" } }), "hello tls");

  // whoever shows a certificate of somebody else, or takes the server's for nothing, is not let in
  for (const identity of [{ ...client, cert: stranger.cert, key: stranger.key }, { ...client, ca: stranger.ca }]) {
    await using strangers = createRegistry([createTlsTransport(identity)]);
    await using uninvited = new Tracker({ registry: strangers });
    await uninvited.start();
    await assert.rejects(uninvited.request(url, { task: "greet", args: { name: "stranger" } }), { code: /^(unavailable|ambiguous)$/ });
  }
  assert.equal(runs, 1);

  await service.stop();
  await assert.rejects(tracker.request(url, { task: "greet", args: { name: "nobody" } }), { code: "unavailable" });
  await tracker.stop();

  // what every transport must do, this one does
  const cases = transportCompliance({
    capabilities: ["order", "answers", "probe"],
    async open(limits) {
      const transport = createTlsTransport(client, limits);
      return { transport, createListener: () => createTlsListener(server, limits), [Symbol.asyncDispose]: () => transport.close() };
    },
  });
  for (const { name, run } of cases) await run().catch((cause: unknown) => { throw new Error(name, { cause }); });
  console.log(`custom-transport: answered over ${url.protocol}, let no stranger in, and complies in ${cases.length} cases`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
