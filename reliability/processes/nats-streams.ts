/** Serves one long stream over NATS, or reads it; each side makes the sum of what it has given or got. */
import { parseUrl } from "@acomm/protocol";
import { createRegistry, stream } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import { createHash } from "node:crypto";
import { answer } from "../load/answer.ts";

const chunkBytes = 64 * 1024;
let given: Promise<{ readonly sha256: string; readonly outcome: string }> | undefined;
let readBytes = 0;

const codeOf = (error: unknown): string => (error as { readonly code?: string }).code ?? String(error);

answer({
  async serve({ server, totalBytes }: { readonly server: string; readonly totalBytes: number }) {
    const network = createNatsNetwork({ server });
    const sum = createHash("sha256");
    const served = await network.serveStream((function* () {
      for (let at = 0; at < totalBytes; at += chunkBytes) {
        const chunk = Buffer.alloc(Math.min(chunkBytes, totalBytes - at), `chunk ${at} `); // new memory for each, as a file or a socket gives it
        sum.update(chunk);
        yield chunk;
      }
    })());
    given = served.done.then(() => "read", codeOf).then((outcome) => ({ sha256: sum.digest("hex"), outcome }));
    return served.url.href;
  },
  given: () => given,
  async read({ server, url }: { readonly server: string; readonly url: string }) {
    const network = createNatsNetwork({ server });
    const registry = createRegistry([network.transport]);
    const sum = createHash("sha256");
    readBytes = 0;
    const take = (chunk: Buffer): void => {
      readBytes += chunk.length;
      sum.update(chunk);
    };
    const outcome = await stream(take, parseUrl(url), { registry }).then(() => "whole", codeOf);
    await network.close();
    return { outcome, bytes: readBytes, sha256: sum.digest("hex") };
  },
  readBytes: () => readBytes,
});
