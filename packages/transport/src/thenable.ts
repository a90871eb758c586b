/** Whether a value is a promise, or one in all but name. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise || (typeof value === "object" && value !== null && "then" in value && typeof value.then === "function");
}
