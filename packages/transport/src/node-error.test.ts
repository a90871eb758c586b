import { AcommError } from "@acomm/protocol";
import { expect, test } from "vitest";
import { translateNodeError } from "./node-error.ts";

test("Node's errors become ours, with theirs as the cause, and ours stay as they are", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  expect(translateNodeError(refused, "connect")).toMatchObject({ code: "unavailable", message: "connect: nobody listens there: start the service, or correct the address (ECONNREFUSED)", cause: refused });
  const ours = new AcommError("stopping", "stopping");
  expect(translateNodeError(ours, "connect")).toBe(ours);
  expect(translateNodeError("odd", "connect").message).toBe("connect: failed");
});

test("S19 a code that every object knows is none of Node's", () => {
  for (const code of ["constructor", "__proto__", "toString", "hasOwnProperty"]) expect(translateNodeError(Object.assign(new Error("odd"), { code }), "connect")).toMatchObject({ code: "unavailable", message: `connect: ${code}` });
});

test("S14 the bytes that Node could not parse don't stay on its error", () => {
  const cause = Object.assign(new Error("Parse Error"), { code: "HPE_INVALID_CONSTANT", rawPacket: Buffer.from("secret") });
  expect(translateNodeError(cause, "send").cause).toBe(cause);
  expect(cause).not.toHaveProperty("rawPacket");
});
