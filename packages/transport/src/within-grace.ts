/** @internal Waits until what it hands out is called, no longer than `graceMs`. */
export function withinGrace(graceMs: number, handOut: (over: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, graceMs);
    handOut(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
