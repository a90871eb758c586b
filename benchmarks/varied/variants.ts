import type { Tracker } from "@acomm/tracker";
import { payloadOf } from "../payload.ts";

/** Makes the call of a number. */
type Variant = (tracker: Tracker, url: string, index: number) => Promise<unknown>;

const args = payloadOf(200);
const timeoutMs = 30_000;
const shared = new AbortController();
const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
let urlObject: URL | undefined;

/** The row that the others are set beside. */
export const plain = "plain";

/** Calls by what they have. The service does as the task's name says, and echoes the arguments of any other. */
export const variants: Readonly<Record<string, Variant>> = {
  [plain]: (tracker, url) => tracker.request(url, { task: "echo", args, timeoutMs }),
  "ten tasks in turn": (tracker, url, index) => tracker.request(url, { task: `task-${index % 10}`, args, timeoutMs }),
  "timeouts that differ": (tracker, url, index) => tracker.request(url, { task: "echo", args, timeoutMs: timeoutMs + (index % 1000) }),
  "to a URL object": (tracker, url) => tracker.request((urlObject ??= new URL(url)), { task: "echo", args, timeoutMs }),
  "one signal for all": (tracker, url) => tracker.request(url, { task: "echo", args, timeoutMs, signal: shared.signal }),
  "a signal each": (tracker, url) => tracker.request(url, { task: "echo", args, timeoutMs, signal: new AbortController().signal }),
  "a trace": (tracker, url) => tracker.request(url, { task: "echo", args, timeoutMs, trace }),
  "progress, once": (tracker, url) => tracker.request(url, { task: "progress", args, timeoutMs, onProgress: () => undefined }),
  "made one by one": async (tracker, url) => {
    await new Promise((resolve) => setImmediate(resolve));
    return tracker.request(url, { task: "echo", args, timeoutMs });
  },
  "answered one by one": (tracker, url) => tracker.request(url, { task: "later", args, timeoutMs }),
  "the whole response": (tracker, url) => tracker.call(url, { task: "echo", args, timeoutMs }),
  "an error for an answer": (tracker, url) => tracker.request(url, { task: "fail", args, timeoutMs }).catch(() => undefined),
};
