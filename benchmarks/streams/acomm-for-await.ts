import { openStream } from "@acomm/transport";
import { urlOf } from "./acomm.ts";
import type { StreamContestant } from "./contestant.ts";

export { open, proxy, relay } from "./acomm.ts";

export const read: StreamContestant["read"] = async (address) => {
  let bytes = 0;
  for await (const chunk of await openStream(urlOf(address))) bytes += (chunk as Buffer).length;
  return bytes;
};
