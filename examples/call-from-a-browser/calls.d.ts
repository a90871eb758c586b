/** @throws Error with the error of the task */
export function call(door: string | URL, task: string, args?: unknown): Promise<{ readonly result: unknown; readonly stream: string | null }>;
export function events(door: string | URL, task: string, args?: unknown, options?: { readonly signal?: AbortSignal }): AsyncGenerator<{ readonly event: string; readonly data: unknown }, void>;
