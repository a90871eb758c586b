import type { StandardSchemaV1 } from "@standard-schema/spec";
import { AcommError } from "./acomm-error.ts";

/**
 * The value as the schema gives it; the value itself without one.
 *
 * @throws AcommError `bad_field` with the value's path and the schema's words; `details` holds those of every issue, and nothing
 * else of it: some schemas put the value in.
 */
export async function validateWith(schema: StandardSchemaV1 | undefined, value: unknown, field: string): Promise<unknown> {
  if (schema === undefined) return value;
  const outcome = await schema["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  const issues = outcome.issues.map(({ message, path = [] }) => ({ message, path: path.map((step) => (typeof step === "object" ? step.key : step)) }));
  const [issue] = issues;
  const path = (issue?.path ?? []).map((step) => `.${String(step)}`).join("");
  throw new AcommError("bad_field", `${field}${path}: ${issue?.message ?? "refused by the schema"}`, { details: issues });
}
