import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a directory for sockets, which goes once the processes that were added to the stack after it have ended. */
export async function temporaryDirectory(stack: AsyncDisposableStack): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "acomm-bench-"));
  stack.defer(() => rm(path, { recursive: true, force: true }));
  return path;
}
