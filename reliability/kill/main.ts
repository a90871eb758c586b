/** The kill matrix: `npm run -s pnpm -- run kill-matrix --rounds 200`. Exits with 1 where a promise did not hold. */
import { parseArgs } from "node:util";
import { Scene, steps } from "./scene.ts";
import type { Round, Side, Step } from "./scene.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" }, "rounds-at-step": { type: "string", default: "5" } } });
const header = ["step", "side killed", "rounds", "outcomes", "latest ms", "run twice", "ran, though unavailable", "lost or late", "back"];
const rows: string[][] = [];
let failures = 0;

function add(name: string, side: Side, rounds: readonly Round[]): void {
  const codes = new Map<string, number>();
  for (const { code } of rounds.flatMap(({ outcomes }) => outcomes)) codes.set(code, (codes.get(code) ?? 0) + 1);
  const twice = rounds.at(-1)?.ranTwice.length ?? 0; // the notes are of all rounds so far
  const wrong = rounds.reduce((sum, { ranAllTheSame }) => sum + ranAllTheSame.length, 0);
  const lost = rounds.reduce((sum, round) => sum + round.lost.length, 0);
  const back = rounds.filter(({ isBack }) => isBack).length;
  failures += twice + wrong + lost + (rounds.length - back);
  rows.push([
    name,
    side,
    String(rounds.length),
    [...codes].map(([code, count]) => `${code} ${count}`).join(", "),
    Math.max(...rounds.map(({ latestMs }) => latestMs)).toFixed(0),
    String(twice),
    String(wrong),
    String(lost),
    `${back}/${rounds.length}`,
  ]);
}

await using scene = await Scene.start();
for (const step of Object.keys(steps) as Step[]) {
  for (const side of ["service", "caller"] as const) {
    const rounds: Round[] = [];
    for (let round = 0; round < Number(values["rounds-at-step"]); round += 1) rounds.push(await scene.killAt(step, side));
    add(step, side, rounds);
  }
}
for (const side of ["service", "caller"] as const) {
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds) / 2; round += 1) rounds.push(await scene.killAtRandom(side));
  add("any moment", side, rounds);
}

const widths = header.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
for (const row of [header, ...rows]) console.log(row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ").trimEnd());
console.log(failures === 0 ? "every caller had exactly one outcome in time, and nothing ran twice" : `${failures} violations`);
if (failures > 0) process.exitCode = 1;
