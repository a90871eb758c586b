/** A scheme of one's own, TLS over TCP with client certificates: acomm+tls://host:port. How to connect and how to listen is all that it needs. */
import { createRegistry, serve, Tracker } from "acomm";
import { transportCompliance } from "acomm/testing";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, hasOpenssl } from "./certificates.ts";
import { createTlsListener, createTlsTransport } from "./tls.ts";

if (!hasOpenssl()) {
  console.log("your-own-transport: left out, there is no openssl to make certificates with");
  process.exit();
}

const directory = await mkdtemp(join(tmpdir(), "acomm-tls-"));
const authority = createAuthority(directory, "ours");
const [server, client] = [authority.issue("server"), authority.issue("client")];
const stranger = createAuthority(directory, "theirs").issue("client");
let runs = 0;

// #region serve
const listener = createTlsListener(server);
await listener.start();
const service = serve<{ readonly name: string }>(listener, ({ args }) => {
  runs += 1;
  return `hello ${args.name}`;
});
// #endregion

// #region call
const { url } = listener; // acomm+tls://localhost:45678
const registry = createRegistry([createTlsTransport(client)]);
const tracker = new Tracker({ registry, listener: createTlsListener(client) }); // where answers come that can't come on the connection
await tracker.start();
const greeting = await tracker.request(url, { task: "greet", args: { name: "tls" } });
// #endregion
assert.equal(greeting, "hello tls");
assert.equal(tracker.url.protocol, "acomm+tls:");

// whoever shows a certificate of somebody else, or takes the server's for nothing, is not let in
for (const identity of [{ ...client, cert: stranger.cert, key: stranger.key }, { ...client, ca: stranger.ca }]) {
  await using strangers = createRegistry([createTlsTransport(identity)]);
  await using uninvited = new Tracker({ registry: strangers });
  await uninvited.start();
  await assert.rejects(uninvited.request(url, { task: "greet", args: { name: "stranger" } }), { code: /^(unavailable|ambiguous)$/ });
}
assert.equal(runs, 1);
console.log(`answered over ${url.protocol}, and let no stranger in`);

await service.stop();
await assert.rejects(tracker.request(url, { task: "greet", args: { name: "nobody" } }), { code: "unavailable" });
await tracker.stop();
await registry.close();

// #region compliance
const cases = transportCompliance({
  capabilities: ["order", "answers", "probe"],
  async open(limits) {
    const transport = createTlsTransport(client, limits);
    return { transport, createListener: () => createTlsListener(server, limits), [Symbol.asyncDispose]: () => transport.close() };
  },
});
for (const { name, run } of cases) await run().catch((cause: unknown) => { throw new Error(name, { cause }); });
// #endregion
console.log(`complies in ${cases.length} cases`);
await rm(directory, { recursive: true, force: true });
