export async function runCoordinator(_invocation: unknown): Promise<number> { return 0; }
