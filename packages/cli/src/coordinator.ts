export async function runCoordinator(): Promise<number> { return 0; }
