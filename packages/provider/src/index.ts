export { createClient } from "./client.ts";
export type { Client, ClientArguments, ClientCallOptions, ClientTarget } from "./client.ts";
export type { JsonSchema } from "./json-schema.ts";
export { Provider } from "./provider.ts";
export type { ProviderOptions } from "./provider.ts";
export type { ProviderDescription, TaskDescription } from "./provider-description.ts";
export type { TaskContext, TaskHandler, TaskOptions } from "./task-options.ts";
export type { TasksOf, TaskSignature } from "./task-signature.ts";
