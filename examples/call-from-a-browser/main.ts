/** What a page does to call tasks: fetch, events and a stream. The page's own script runs here; a test runs it in a browser. */
import assert from "node:assert/strict";
import { call, events } from "./calls.js";
import { startSite } from "./site.ts";

await using site = await startSite();

const { result, stream } = await call(site.door, "report", { rows: 2 });
console.log("result", result);
assert.equal(result, "2 rows");

assert.ok(stream !== null);
console.log("stream", JSON.stringify(await (await fetch(stream)).text()));
assert.equal((await fetch(stream)).status, 410, "it can be read once");

for await (const { event, data } of events(site.door, "report", { rows: 2 })) console.log(event, JSON.stringify(data).slice(0, 40));

await assert.rejects(call(site.door, "report", { rows: 5000 }), /^Error: bad_field: args\.rows/);
await assert.rejects(call(site.door, "repor", {}), /did you mean report\?/);

// a page of an origin that is not let in: its browser asks first
const preflight = (origin: string): Promise<globalThis.Response> => fetch(site.door, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" } });
assert.equal((await preflight(site.origin)).headers.get("access-control-allow-origin"), site.origin);
assert.equal((await preflight("https://elsewhere.example")).headers.get("access-control-allow-origin"), null);
console.log("a page of another origin is not let in");
