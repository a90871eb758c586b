/** One process of one contestant: writer, reader, relay or proxy, whichever it is asked to be. */
import { answer } from "../process/answer.ts";
import { streamContestants } from "./contestant.ts";
import type { StreamAddress, StreamContestantName } from "./contestant.ts";

const [name = "", directory = ""] = process.argv.slice(2);
const contestant = await streamContestants[name as StreamContestantName]();

answer({
  open: (size: { readonly bytes: number; readonly chunkBytes: number }) => contestant.open(size, directory),
  relay: (address: StreamAddress) => contestant.relay(address, directory),
  proxy: (address: StreamAddress) => contestant.proxy(address),
  async read(address: StreamAddress) {
    const startedAt = performance.now();
    const bytes = await contestant.read(address);
    return { bytes, seconds: (performance.now() - startedAt) / 1000 };
  },
});
