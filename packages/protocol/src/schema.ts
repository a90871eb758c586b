import { AcommError } from "./acomm-error.ts";

/**
 * What is needed of a validator: any [Standard Schema](https://standardschema.dev), such as those of zod, valibot and arktype.
 * Its own words for it, so that nothing has to be installed for a type.
 */
export interface Schema<Output = unknown> {
  /** What a validator says of itself, and how it is asked. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaOutcome<Output> | Promise<SchemaOutcome<Output>>;
    readonly types?: { readonly output: Output } | undefined;
  };
}

/** What a {@link Schema} makes of a value: another value, or its issues with it. */
export type SchemaOutcome<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/**
 * The value as the schema gives it; the value itself without one.
 *
 * @throws AcommError `bad_field` with the value's path and the schema's words; `details` holds those of every issue, and nothing
 * else of it: some schemas put the value in.
 */
export async function validateWith(schema: Schema | undefined, value: unknown, field: string): Promise<unknown> {
  if (schema === undefined) return value;
  const outcome = await schema["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  const issues = outcome.issues.map(({ message, path = [] }) => ({ message, path: path.map((step) => (typeof step === "object" ? step.key : step)) }));
  const [issue] = issues;
  const path = (issue?.path ?? []).map((step) => `.${String(step)}`).join("");
  throw new AcommError("bad_field", `${field}${path}: ${issue?.message ?? "refused by the schema"}`, { details: issues });
}
