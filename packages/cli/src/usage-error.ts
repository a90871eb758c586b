/** What was asked for can't be done as it was written: an argument, an option or a setting is wrong. The command then exits with 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
