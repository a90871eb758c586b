import { createRequest } from "@acomm/protocol";
import { codeOf } from "@acomm/testing";
import { expect, onTestFinished, test } from "vitest";
import { createRegistry } from "../registry.ts";
import { send } from "../send.ts";
import { serve } from "../service.ts";
import { admitTargets } from "../target-policy.ts";
import { createHttpListener } from "./listener.ts";

test("a service over HTTP answers to the response hook, which is a listener over HTTP as well", async () => {
  const hook = createHttpListener({ path: "/answers" });
  await hook.start();
  const listener = createHttpListener();
  await listener.start();
  await using registry = createRegistry();
  const service = serve(listener, ({ args }) => args, { registry, admit: admitTargets({ origins: [hook.url] }) });
  onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
  expect(hook.url.pathname).toBe("/answers");
  await send(listener.url, createRequest({ task: "t", id: "a", args: ["é"], responseHook: hook.url }), { registry });
  const connection = await hook.nextConnection();
  if (connection === undefined) throw new Error("nobody came");
  expect(JSON.parse((await connection.read()) ?? "")).toMatchObject({ id: "a", error: "", result: ["é"] });
  connection.enqueueAccepted();
  hook.doneConnection(connection);
  await service.stop();
  await hook.stop();
  expect(await codeOf(send(listener.url, createRequest({ task: "t" })))).toBe("unavailable"); // with connections of its own: one that was kept may not know yet
});
