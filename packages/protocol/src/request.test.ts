import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, test, vi } from "vitest";
import { AcommError } from "./acomm-error.ts";
import { parseUrl } from "./acomm-url.ts";
import { refusal } from "./fixtures/refusal.ts";
import { encodeRequest } from "./request-codec.ts";
import { createRequest, handleResponse, unmarshalArgs, validateRequest } from "./request.ts";
import { createResponse } from "./response.ts";

function schemaOf<Output>(validate: (value: unknown) => StandardSchemaV1.Result<Output> | Promise<StandardSchemaV1.Result<Output>>): StandardSchemaV1<unknown, Output> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

describe("createRequest", () => {
  test("takes a task, gives it a fresh id, and null for what is left out", () => {
    const request = createRequest({ task: "t" });
    expect(request).toEqual({ id: request.id, task: "t", responseHook: null, streamUrl: null, args: null, raw: { text: "null", value: null } });
    expect(request.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(createRequest({ task: "t", id: undefined }).id).not.toBe(request.id);
  });

  test("writes the args down: what is changed inside them later is not sent, other args are", () => {
    const args = { n: 1 };
    const request = createRequest({ id: "a", task: "t", args });
    args.n = 2;
    expect(encodeRequest(request)).toContain('"args":{"n":1}');
    expect(encodeRequest({ ...request, args: { n: 3 } })).toContain('"args":{"n":3}');
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(refusal(() => createRequest({ task: "t", args: circular })).message).toMatch(/^args cannot be written as JSON/);
  });

  test("takes URLs as text or as URL", () => {
    const request = createRequest({ task: "t", responseHook: "unix:///h", streamUrl: new URL("http://h/s?x=1"), taskUrl: parseUrl("unix:///p") });
    expect([request.responseHook, request.streamUrl, request.taskUrl].map((url) => url?.href)).toEqual(["unix:///h", "http://h/s?x=1", "unix:///p"]);
    expect(createRequest({ task: "t", responseHook: null, streamUrl: undefined, taskUrl: null })).not.toHaveProperty("taskUrl");
  });

  test.each([
    ["id", { id: "" }, "is empty"],
    ["id", { id: "x".repeat(129) }, "128"],
    ["task", { task: "" }, "is empty"],
    ["task", { task: 5 as unknown as string }, "a number"],
    ["responseHook", { responseHook: "" }, "is empty"],
    ["responseHook", { responseHook: 5 as unknown as string }, "a number"],
    ["streamUrl", { streamUrl: "http://user:pw@h/" }, "credentials"],
    ["taskUrl", { taskUrl: "unix:rel" }, "must be a URL"],
  ])("a bad %s is bad_field that names it: %j", (field, init, says) => {
    const error = refusal(() => createRequest({ task: "t", ...init }));
    expect([error.code, error.message.split(" ")[0]]).toEqual(["bad_field", field]);
    expect(error.message).toContain(says);
    expect(error.message).not.toContain("pw");
  });
});

describe("validateRequest", () => {
  test("takes what createRequest makes", () => {
    expect(() => validateRequest(createRequest({ task: "t", responseHook: "unix:///h", taskUrl: "http://h/" }))).not.toThrow();
  });

  const changed = parseUrl("http://h/");
  changed.password = "pw";
  test.each([
    ["id", { id: "a\nb" }],
    ["task", { task: null as unknown as string }],
    ["responseHook", { responseHook: changed }],
    ["streamUrl", { streamUrl: "" as unknown as null }],
    ["taskUrl", { taskUrl: {} as unknown as null }],
  ])("a request with a bad %s is bad_field", (field, change) => {
    const error = refusal(() => validateRequest({ ...createRequest({ task: "t" }), ...change }));
    expect([error.code, error.message.split(" ")[0]]).toEqual(["bad_field", field]);
  });
});

describe("handleResponse", () => {
  test("runs onSuccess or onError, whichever the response calls for, with both", () => {
    const onSuccess = vi.fn();
    const onError = vi.fn();
    const request = createRequest({ task: "t", onSuccess, onError });
    const good = createResponse(request, { result: 1 });
    handleResponse(request, good);
    expect(onSuccess.mock.calls).toEqual([[request, good]]);
    expect(onError).not.toHaveBeenCalled();
    const bad = createResponse(request, { error: "boom" });
    handleResponse(request, bad);
    expect(onSuccess).toHaveBeenCalledTimes(1);
    expect(onError.mock.calls).toEqual([[request, bad]]);
  });

  test("a handler that is not there is no error", () => {
    const request = createRequest({ task: "t" });
    expect(() => handleResponse(request, createResponse(request))).not.toThrow();
    expect(() => handleResponse(request, createResponse(request, { error: "boom" }))).not.toThrow();
  });

  test("a response to another request is unknown_id, and no handler runs", () => {
    const onSuccess = vi.fn();
    const request = createRequest({ id: "a", task: "t", onSuccess });
    expect(refusal(() => handleResponse(request, createResponse({ id: "b" }))).code).toBe("unknown_id");
    expect(onSuccess).not.toHaveBeenCalled();
  });

  test("F41 what a handler throws passes through", () => {
    const request = createRequest({
      task: "t",
      onSuccess() {
        throw new RangeError("mine");
      },
    });
    expect(() => handleResponse(request, createResponse(request))).toThrow(RangeError);
  });
});

describe("unmarshalArgs", () => {
  const request = createRequest({ task: "t", args: { size: "7" } });

  test("gives the args themselves without a schema", async () => {
    expect(await unmarshalArgs(request)).toBe(request.args);
  });

  test("gives what the schema makes of them, whether it answers at once or later", async () => {
    const convert = (value: unknown): { value: { size: number } } => ({ value: { size: Number((value as { size: string }).size) } });
    expect(await unmarshalArgs(request, schemaOf(convert))).toEqual({ size: 7 });
    expect(await unmarshalArgs(request, schemaOf(async (value) => convert(value)))).toEqual({ size: 7 });
  });

  test.each([
    ["the path", [{ message: "not a number", path: ["disks", 0, { key: "size" }] }, { message: "second" }], "args.disks.0.size: not a number"],
    ["no path", [{ message: "not an object" }], "args: not an object"],
    ["no issue", [], "args: refused by the schema"],
  ])("is bad_field with the first issue where the schema refuses them, with %s", async (_, issues, message) => {
    for (const schema of [schemaOf(() => ({ issues })), schemaOf(async () => ({ issues }))]) {
      const error = await unmarshalArgs(request, schema).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(AcommError);
      expect(error).toMatchObject({ code: "bad_field", message, details: issues.map((issue) => ({ message: issue.message })) });
    }
  });

  test("S14 keeps of an issue its words and its place, not the value that some schemas put in", async () => {
    const step = { key: "size", value: "marker", input: { size: "marker" } };
    const issues = [{ message: "not a number", path: ["disks", step], input: "marker", received: "marker" }];
    const error = await unmarshalArgs(request, schemaOf(() => ({ issues }))).catch((reason: unknown) => reason);
    expect((error as AcommError).details).toEqual([{ message: "not a number", path: ["disks", "size"] }]);
  });

  test("rejects with what a broken schema throws", async () => {
    const broken = schemaOf(() => {
      throw new TypeError("broken");
    });
    await expect(unmarshalArgs(request, broken)).rejects.toThrow(TypeError);
  });
});
