/** The service as a process, for a test that kills it; each of its calls takes half a second. */
import { setTimeout } from "node:timers/promises";
import { createThumbnails } from "./thumbnails.ts";

await createThumbnails({ socketDir: process.argv[2] ?? "", render: (image, width) => setTimeout(500, `${image} at ${width}`) }).start();
console.log("ready");
