import { badField } from "./acomm-error.ts";

/** Any [Standard Schema](https://standardschema.dev), such as those of zod, valibot and arktype. */
export interface Schema<Output = unknown> {
  /** As Standard Schema has it. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaOutcome<Output> | Promise<SchemaOutcome<Output>>;
    readonly types?: { readonly output: Output } | undefined;
  };
}

/** A value, or what is wrong with the one that was given. */
export type SchemaOutcome<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/**
 * The value as the schema gives it; the value itself without one.
 *
 * @throws `bad_field` with the value's path and the schema's words; `details` holds those of every issue, and nothing
 * else of it: some schemas put the value in.
 */
export async function validateWith(schema: Schema | undefined, value: unknown, field: string): Promise<unknown> {
  if (schema === undefined) return value;
  const outcome = await schema["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  const issues = outcome.issues.map(({ message, path = [] }) => ({ message, path: path.map((step) => (typeof step === "object" ? step.key : step)) }));
  const [issue] = issues;
  const path = (issue?.path ?? []).map((step) => `.${String(step)}`).join("");
  throw badField(`${field}${path}: ${issue?.message ?? "refused by the schema"}`, { details: issues });
}
