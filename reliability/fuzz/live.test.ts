import { expect, test } from "vitest";
import { fuzzLive } from "./live.ts";

test("20 000 mutated frames to a service, a response socket and a calling tracker: each gets the word of the codecs, nothing is thrown, a good client is served in between", async () => {
  const report = await fuzzLive({ frames: 20_000, seed: 4 });
  expect(report.violations).toEqual([]);
  expect(report.frames).toBe(20_000);
  expect(report.target).toMatchObject({ unhandled: [], warnings: [], wrong: [], open: 0, inFlight: 0, echoes: true });
  expect(report.echoes).toBeGreaterThan(5);
  expect(report.maxBusyMs).toBeLessThan(200);
  expect(report.rssGrowthBytes).toBeLessThan(96 * 1024 * 1024);
  expect(report.descriptorGrowth).toBeLessThanOrEqual(16); // a few connections are kept for half a minute
  // it is worth the name only where both kinds of words and of ends are seen
  for (const word of ["accepted", "bad_json", "bad_field", "unknown_id", "bad_frame", "frame_too_large"]) expect(report.verdicts[word]).toBeGreaterThan(5);
  expect(report.hostileFrames).toBeGreaterThan(100);
  for (const outcome of ["ambiguous", "timeout", "answered at the hook"]) expect(report.target.outcomes[outcome]).toBeGreaterThan(0);
}, 60_000);
