/** Where things are: URLs as they go over the wire, the names of sockets in a directory, and what may be opened. */
import { AcommUrl, createRequest, decodeUrl, encodeUrl, maxNameBytes, maxSocketPathBytes, maxUrlLength, parseUrl, socketPathOf } from "@acomm/protocol";
import { coordinatorSocketPath, providerSocketPath, responseSocketPath, streamDirectory } from "@acomm/tracker";
import type { ProviderSocket } from "@acomm/tracker";
import { admitTargets, checkTarget, urlOfSocketPath } from "@acomm/transport";
import type { AdmittedTargets, TargetPolicy, TargetPurpose } from "@acomm/transport";
import assert from "node:assert/strict";

// a URL is checked when it is made, and keeps its spelling on the wire
const url = parseUrl("unix:///run/acomm/a%20b.sock");
assert.ok(url instanceof AcommUrl);
assert.equal(socketPathOf(url), "/run/acomm/a b.sock");
assert.equal(urlOfSocketPath("/run/acomm/a b.sock").href, url.href);
assert.equal(decodeUrl(JSON.parse(encodeUrl(url)), "responsehook")?.href, url.href);
assert.equal(encodeUrl(null), "null");
assert.throws(() => parseUrl("http://user:secret@example.com/"), /must not hold credentials/);
assert.throws(() => parseUrl(`unix:///${"x".repeat(maxSocketPathBytes)}`), { code: "bad_field" });
assert.throws(() => parseUrl(`http://example.com/${"x".repeat(maxUrlLength)}`), { code: "bad_field" });
assert.throws(() => createRequest({ task: "x".repeat(maxNameBytes + 1) }), /task must be at most 128 bytes/);

// the layout of a socket directory, which is the whole registry
const directory = "/run/acomm";
const socket: ProviderSocket = { task: "resize", priority: 10, provider: "fast" };
assert.equal(providerSocketPath(directory, socket), "/run/acomm/resize/10-fast.sock");
assert.equal(coordinatorSocketPath(directory), "/run/acomm/coordinator/main.sock");
assert.equal(responseSocketPath(directory, "fast"), "/run/acomm/response/fast.sock");
assert.equal(streamDirectory(directory, "fast"), "/run/acomm/streams/fast");
assert.throws(() => providerSocketPath(directory, { ...socket, task: "coordinator" }), { code: "unknown_task" });

// what came in a message is opened only where a policy says so
const list: AdmittedTargets = { origins: ["https://hooks.example"], socketDirectories: [directory] };
const policy: TargetPolicy = admitTargets(list);
const purpose: TargetPurpose = "response";
for (const hook of ["unix:///run/acomm/response/fast.sock", "https://hooks.example/answers"]) await checkTarget(policy, parseUrl(hook), purpose);
for (const hook of ["unix:///run/other.sock", "http://169.254.169.254/"]) await assert.rejects(checkTarget(policy, parseUrl(hook), purpose), { code: "forbidden_target" });
console.log("addresses: two hooks admitted, two refused");
