/** The service as a process, for a test that kills it in the middle of its work. */
import { setTimeout } from "node:timers/promises";
import { createThumbnails } from "./thumbnails.ts";

await createThumbnails({ socketDir: process.argv[2] ?? "", render: (image, width) => setTimeout(image === "huge" ? 60_000 : 1, `${image} at ${width}`) }).start();
console.log("ready");
