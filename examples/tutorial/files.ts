import { Provider } from "acomm";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { z } from "zod";

const name = process.env["NAME"] ?? "first";
const aFile = z.object({ file: z.string().regex(/^[\w-]+\.\w+$/, "must be the name of a file, without a path") });

export default ({ socketDir }: { socketDir: string }) =>
  new Provider({ socketDir, name })
    .task("list", { description: "Lists the files here.", args: z.object({ ending: z.string().default("") }) }, async ({ args }) => {
      const names = await readdir(".");
      return names.filter((one) => one.endsWith(args.ending)).sort();
    })
    .task("digest", { description: "The SHA-256 of a file.", args: aFile }, async ({ args, progress }) => {
      const { size } = await stat(args.file);
      const hash = createHash("sha256");
      let done = 0;
      for await (const chunk of createReadStream(args.file, { highWaterMark: 200_000 })) {
        hash.update(chunk as Buffer);
        done += (chunk as Buffer).length;
        progress({ done, total: size });
      }
      return { sha256: hash.digest("hex"), by: name };
    })
    .task("read", { description: "The bytes of a file, as a stream.", args: aFile }, async ({ args, stream }) => {
      const { size } = await stat(args.file);
      await stream(createReadStream(args.file));
      return { size };
    });
