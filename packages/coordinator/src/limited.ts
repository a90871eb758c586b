/** Gives a function that runs what it is given, at most `count` at once, the others in their order. */
export function limited(count: number): <Value>(action: () => Promise<Value>) => Promise<Value> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (action) => {
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await action();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next(); // the place goes over to it
    }
  };
}
