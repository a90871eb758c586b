import { badField } from "./acomm-error.ts";
import { kindOf } from "./fields.ts";
import { nearNames } from "./near-names.ts";

/** @internal Every name of some options. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

const plainName = /^\w{1,40}$/;

/**
 * @internal Checks that options have no name that nobody reads, such as `timeout` for `timeoutMs`. For constructors: it looks at each.
 *
 * @param owner whose options they are
 * @throws `bad_field`, with the name that was probably meant
 */
export function checkOptionNames<Options extends object>(options: Options, owner: string, names: OptionNames<Options>): void {
  if (typeof options !== "object" || (options as unknown) === null || Array.isArray(options)) throw badField(`${owner} takes an object of options, but it is ${kindOf(options)}`);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(names, name)) continue;
    const known = Object.keys(names);
    const meant = likelyNames(name, known);
    throw badField(`${owner} has no option ${plainName.test(name) ? name : "of this name"}: ${meant.length === 0 ? `it has ${known.join(", ")}` : `did you mean ${meant.join(" or ")}?`}`);
  }
}

/** Most mistakes leave the unit out, `timeout`, or what it is the time of, `timeoutMs` for `defaultTimeoutMs`. */
function likelyNames(name: string, known: readonly string[]): readonly string[] {
  const near = nearNames(name, known);
  if (near.length > 0 || name.length < 4) return near;
  return known.filter((one) => one.toLowerCase().includes(name.toLowerCase())).slice(0, 3);
}
