export { MultiRequest } from "./multi-request.ts";
export type { MultiRequestOptions } from "./multi-request.ts";
