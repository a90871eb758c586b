import { Provider } from "acomm";
import type { ProviderOptions } from "acomm";
import { z } from "zod";

// #region module
export default (place: Pick<ProviderOptions, "socketDir" | "network">) =>
  new Provider({ ...place, name: "farm" }).task("frames", { args: z.object({ count: z.number() }) }, ({ args }) => Array.from({ length: args.count }, (_, index) => `frame ${index + 1}`));
// #endregion
