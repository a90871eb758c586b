import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of what a schema takes or gives; null where its library doesn't say, or what it describes is not JSON, such
 * as a date.
 */
export function jsonSchemaOf(schema: StandardSchemaV1 | undefined, side: "input" | "output"): JsonSchema | null {
  if (schema === undefined) return null;
  const standard = schema["~standard"] as StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props>;
  try {
    const converted: unknown = standard.jsonSchema?.[side]({ target: "draft-2020-12" });
    const plain = converted === undefined ? null : (JSON.parse(JSON.stringify(converted)) as unknown);
    return typeof plain === "object" && plain !== null && !Array.isArray(plain) ? (plain as JsonSchema) : null;
  } catch {
    return null; // the standard lets a converter throw where it can't say it; a description without it is better than none
  }
}
