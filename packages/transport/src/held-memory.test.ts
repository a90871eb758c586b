import { encodeFrame } from "@acomm/protocol";
import { heapMebibytes } from "@acomm/testing";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { requestText, startService } from "./fixtures/service.ts";
import { until } from "./fixtures/until.ts";

test.each([
  ["as ours write them", (index: number) => requestText(`e9a3a1e0-1234-4e6f-8c3d-000${100_000_000 + index}`, ["some", "args"], { task: "a.task.of.some.length" })],
  ["with ids of another form", (index: number) => requestText(`an-id-of-some-length-${index}`, ["some", "args"], { task: "slow" })],
  ["that name a hook", (index: number) => requestText(`an-id-of-some-length-${index}`, ["some", "args"], { task: "a.task.of.some.length", hook: "unix:///run/acomm/nobody.sock" })],
] as const)("requests under way, %s, keep nothing in memory of what came beside them", async (_, slowText) => {
  const slowCount = 150;
  await using service = await startService(({ task }) => (task === "quick" ? null : new Promise(() => undefined)));
  const client = connect(service.path).resume();
  await once(client, "connect");
  const besides = Array.from({ length: 400 }, (_each, index) => encodeFrame(requestText(`b${index}`, null, { task: "quick" })));
  const besidesMebibytes = (slowCount * Buffer.concat(besides).length) / 1024 ** 2; // as text: a character takes a byte
  const before = heapMebibytes();
  for (let index = 0; index < slowCount; index += 1) {
    client.write(Buffer.concat([encodeFrame(slowText(index)), ...besides]));
    await until(() => service.service.inFlightCount === index + 1);
  }
  expect(heapMebibytes() - before).toBeLessThan(besidesMebibytes / 2);
  client.destroy();
});
