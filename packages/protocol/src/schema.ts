import type { StandardSchemaV1 } from "@standard-schema/spec";
import { AcommError } from "./acomm-error.ts";

/** The value as the schema gives it; the value itself without one. @throws AcommError `bad_field` with the value's path. */
export async function validateWith(schema: StandardSchemaV1 | undefined, value: unknown, field: string): Promise<unknown> {
  if (schema === undefined) return value;
  const outcome = await schema["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  const [issue] = outcome.issues;
  const path = (issue?.path ?? []).map((step) => `.${String(typeof step === "object" ? step.key : step)}`).join("");
  throw new AcommError("bad_field", `${field}${path}: ${issue?.message ?? "refused by the schema"}`, { cause: outcome.issues });
}
