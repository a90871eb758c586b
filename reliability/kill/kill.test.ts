import { afterAll, beforeAll, expect, test } from "vitest";
import { Scene, steps } from "./scene.ts";
import type { Round, Step } from "./scene.ts";

let scene: Scene;
beforeAll(async () => { scene = await Scene.start(); });
afterAll(() => scene[Symbol.asyncDispose]());

/** What must hold whoever is killed, and whenever. */
function expectNoHarm(round: Round): void {
  expect({ lost: round.lost, ranTwice: round.ranTwice, ranAllTheSame: round.ranAllTheSame, isBack: round.isBack }).toEqual({ lost: [], ranTwice: [], ranAllTheSame: [], isBack: true });
}

/** What the caller is told whose call the service was at. */
const codes: Readonly<Record<Step, string>> = {
  "F1 before it is read": "unavailable",
  "F2 a part of it read": "ambiguous",
  "F3 accepted": "ambiguous",
  "F4 in its handler": "ambiguous",
  "F5 a part of its answer written": "ambiguous",
  "F6 answered, not acknowledged": "answered",
};

test.for(Object.keys(steps) as Step[])("%s, the service is killed with kill -9: each caller has one outcome at once, nothing runs twice, and the next one listens", async (step) => {
  const round = await scene.killAt(step, "service");
  expectNoHarm(round);
  expect(round.outcomes[2]?.code).toBe(codes[step]);
  expect(round.latestMs).toBeLessThan(1000); // the deadlines are two seconds away
});

test.for(Object.keys(steps) as Step[])("F8 at %s, the caller is killed with kill -9: the service lets go of what it held, and others are served", async (step) => {
  const round = await scene.killAt(step, "caller");
  expectNoHarm(round);
  expect(round.outcomes.map(({ code }) => code)).toEqual(["answered", "answered", "answered"]);
});

test("F9 both are killed at once, in the middle of a handler: others have their outcome, and who starts in their places is answered at once", async () => {
  const { answeredAfterMs, round } = await scene.killBoth();
  expectNoHarm(round);
  expect(round.outcomes.map(({ code }) => code)).toEqual(["unavailable"]);
  expect(answeredAfterMs).toBeLessThan(500);
});

test("F1 F3 F4 F5 F6 F8 at any moment, either side is killed: each caller has one outcome in time, nothing runs twice", async () => {
  for (let count = 0; count < 6; count += 1) expectNoHarm(await scene.killAtRandom(count % 2 === 0 ? "service" : "caller"));
}, 40_000);
