import { availableParallelism } from "node:os";

/** Does something for each of many, as many at once as there are processors, and gives what came of each in the order of the many. */
export async function inTurn<T, R>(many: readonly T[], act: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const left = many.entries();
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, async () => {
    for (const [index, one] of left) results[index] = await act(one);
  }));
  return results;
}
