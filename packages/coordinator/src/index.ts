export type { AllowList } from "./allow-list.ts";
export { Coordinator } from "./coordinator.ts";
export type { CoordinatorAdmissions, CoordinatorHttpOptions, CoordinatorOptions } from "./coordinator-options.ts";
export type { CallFigures } from "./call-statistics.ts";
export type { CoordinatorDescription, ProviderSummary, TaskSummary } from "./description.ts";
