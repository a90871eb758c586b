import { Provider } from "acomm";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

type Render = (image: string, width: number, signal: AbortSignal) => Promise<string>;

const render: Render = (image, width, signal) => setTimeout(20, `${image} at ${width}`, { signal });

/** The service under test: what it does its work with comes in, so that a test can hold it up. */
export const createThumbnails = ({ socketDir, render: renderImage = render }: { socketDir: string; render?: Render }) =>
  new Provider({ socketDir, name: "thumbnails" }).task(
    "thumbnail",
    { args: z.object({ image: z.string().min(1), width: z.number().max(512).default(64) }), timeoutMs: 5_000 },
    ({ args, signal }) => renderImage(args.image, args.width, signal),
  );
