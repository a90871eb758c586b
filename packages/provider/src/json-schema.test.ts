import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { jsonSchemaOf } from "./json-schema.ts";

const draft = "https://json-schema.org/draft/2020-12/schema";

describe("the JSON Schema of what is taken and of what is given", () => {
  test("zod says it", () => {
    const schema = z.object({ all: z.boolean().default(false) });
    expect(jsonSchemaOf(schema, "input")).toEqual({ $schema: draft, type: "object", properties: { all: { type: "boolean", default: false } } });
    expect(jsonSchemaOf(schema, "output")).toMatchObject({ required: ["all"] });
  });

  test("arktype says it, whose schemas are functions", () => {
    const schema = type({ all: "boolean = false" });
    expect(jsonSchemaOf(schema, "input")).toEqual({ $schema: draft, type: "object", properties: { all: { type: "boolean" } } });
    expect(jsonSchemaOf(schema, "output")).toMatchObject({ required: ["all"] });
  });

  test("valibot doesn't", () => {
    expect(jsonSchemaOf(v.object({ all: v.boolean() }), "input")).toBeNull();
  });
});

test("what no JSON Schema can say, and no schema, is null", () => {
  expect(jsonSchemaOf(z.date(), "input")).toBeNull();
  expect(jsonSchemaOf(undefined, "input")).toBeNull();
});

test("a converter that throws, or gives what is no JSON, costs nothing but itself", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const withConverter = (input: () => unknown): never => ({ "~standard": { version: 1, vendor: "ours", validate: (value: unknown) => ({ value }), jsonSchema: { input } } }) as never;
  expect(jsonSchemaOf(withConverter(() => { throw new Error("no"); }), "input")).toBeNull();
  expect(jsonSchemaOf(withConverter(() => circular), "input")).toBeNull();
  expect(jsonSchemaOf(withConverter(() => "text"), "input")).toBeNull();
  expect(jsonSchemaOf(withConverter(() => ({ type: "null" })), "input")).toEqual({ type: "null" });
  expect(jsonSchemaOf(withConverter(() => ({ type: "null" })), "output")).toBeNull();
});
