import type { Provider } from "./provider.ts";

/** What the callers of a task give and get, as its provider's type knows it. */
export interface TaskSignature<Args = unknown, Result = unknown> {
  /** What a caller gives. */
  readonly args: Args;
  /** What a caller gets. */
  readonly result: Result;
}

/** The tasks of a provider's type: `TasksOf<typeof provider>`. */
export type TasksOf<SomeProvider> = SomeProvider extends Provider<infer Tasks> ? Tasks : never;

/** A value as JSON can say it at the top: nothing is null there. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the output of a schema may be void
export type OnTheWire<Value> = Value extends void ? null : Value;
