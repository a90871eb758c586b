import { AcommError, Provider, stream as copyStream } from "acomm";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const named = z.object({ name: z.string().regex(/^[\w.-]+$/) });

export const createFiles = (socketDir: string, directory: string) =>
  new Provider({ socketDir, name: "files" })
    // #region download
    .task("download", { args: named }, async ({ args, stream }) => {
      const path = join(directory, args.name);
      const { size } = await stat(path);
      await stream(() => createReadStream(path)); // opened when the reader comes
      return { size };
    })
    // #endregion
    // #region upload
    .task("upload", { args: named, timeoutMs: 60_000 }, async ({ args, request, signal }) => {
      if (request.streamUrl === null) throw new AcommError("bad_field", "streamUrl: send the file as a stream");
      const path = join(directory, args.name);
      try {
        const bytes = await copyStream(createWriteStream(`${path}.part`), request.streamUrl, { signal });
        await rename(`${path}.part`, path); // it was whole
        return { bytes };
      } finally {
        await rm(`${path}.part`, { force: true });
      }
    })
    // #endregion
    // #region broken
    .task("broken", {}, async ({ stream }) => {
      await stream(async function* () {
        yield "the first half, ";
        throw new Error("the disk went away");
      });
    });
    // #endregion
