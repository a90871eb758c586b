import { temporaryDirectory } from "@acomm/testing";
import { serve, UnixListener } from "@acomm/transport";
import { expect, test } from "vitest";
import { Tracker } from "./tracker.ts";

test("large arguments and results of letters of every length come whole, many at a time, with small ones between them", async () => {
  await using directory = await temporaryDirectory();
  const listener = new UnixListener(directory.socket("echo"));
  await listener.start();
  await using service = serve(listener, (request) => request.args);
  await using tracker = new Tracker();
  await tracker.start();
  const values = ["a", "ü", "€", "😀", "\ud800"].flatMap((letter) => [10, 33_000, 150_000, 1_100_000].map((length) => ({ text: letter.repeat(length), numbers: [length, 0.5] })));
  const results = await Promise.all(values.map((args) => tracker.request(listener.url, { task: "echo", args })));
  // compared as texts, whose difference would fill the screen
  expect(results.map((result, index) => JSON.stringify(result) === JSON.stringify(values[index]))).toEqual(values.map(() => true));
  expect([tracker.pendingCount, service.inFlightCount]).toEqual([0, 0]);
});
