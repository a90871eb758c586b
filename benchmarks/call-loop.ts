/** Makes so many calls with so many of them under way; gives how many failed and why the first did. */
export async function callLoop(calls: number, inFlight: number, call: (index: number) => Promise<unknown>): Promise<{ readonly seconds: number; readonly errors: number; readonly firstError: string }> {
  const startedAt = performance.now();
  let next = 0;
  let errors = 0;
  let firstError = "";
  const callOn = async (): Promise<void> => {
    for (let index = next++; index < calls; index = next++) {
      try {
        await call(index);
      } catch (error) {
        errors += 1;
        if (errors === 1) firstError = String(error);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, callOn));
  return { seconds: (performance.now() - startedAt) / 1000, errors, firstError };
}
