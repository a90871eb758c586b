import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { isSocket, resources, untilFreed } from "./resources.ts";

test("what was opened and not closed is named with how much of it there is, and what is closed is not", async () => {
  const before = resources(isSocket);
  const servers = [createServer(), createServer()];
  for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
  await expect(untilFreed(before, isSocket, 1)).rejects.toThrow(/^what was opened must be closed .*: TCPServerWrap \(2, were 0\)$/);
  for (const server of servers) server.close();
  await untilFreed(before, isSocket);
});
