import { serve, UnixListener } from "acomm";
import type { Service, Tracker } from "acomm";

// #region server
export async function listen(path: string): Promise<Service> {
  const listener = new UnixListener(path);
  await listener.start();
  return serve<{ readonly words: string }>(listener, ({ args }) => args.words.split(" ").length);
}
// #endregion

// #region client
export async function count(tracker: Tracker, path: string, words: string): Promise<number> {
  return tracker.request(`unix://${path}`, { task: "count", args: { words }, timeoutMs: 1_500 });
}
// #endregion
