import * as coordinator from "@acomm/coordinator";
import * as multirequest from "@acomm/multirequest";
import * as protocol from "@acomm/protocol";
import * as provider from "@acomm/provider";
import * as tracker from "@acomm/tracker";
import * as transport from "@acomm/transport";
import * as transportNats from "@acomm/transport-nats";
import * as transportTesting from "@acomm/transport-testing";
import { expect, test } from "vitest";
import * as acomm from "./index.ts";
import * as nats from "./nats.ts";
import * as testing from "./testing.ts";

const parts: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { coordinator, multirequest, protocol, provider, tracker, transport };

test("the public names are those of the packages, each from one of them only", () => {
  const all = Object.values(parts).flatMap((part) => Object.keys(part));
  expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  expect(Object.keys(acomm).sort()).toEqual(all.sort());
  for (const part of Object.values(parts)) expect(acomm).toMatchObject(part);
});

test("what a program begins with is among them", () => {
  expect(Object.keys(acomm)).toEqual(expect.arrayContaining(["AcommError", "Coordinator", "createClient", "MultiRequest", "Provider", "serve", "Tracker", "UnixListener"]));
});

test("acomm/nats and acomm/testing are the transport over NATS and the tools for tests", () => {
  expect({ ...nats }).toEqual({ ...transportNats });
  expect({ ...testing }).toEqual({ ...transportTesting });
});
