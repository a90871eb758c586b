import { expect, test } from "vitest";
import { interleave, orderOf, relativeTo } from "./rounds.ts";

test.each([2, 3, 6, 7])("of %d contestants each follows each other one equally often, and is in each round once", (count) => {
  const items = Array.from({ length: count }, (_, index) => index);
  const rounds = Array.from({ length: count * 2 }, (_, round) => orderOf(items, round));
  const followed = new Map<string, number>();
  for (const order of rounds) {
    expect(order.toSorted((a, b) => a - b)).toEqual(items);
    order.slice(1).forEach((item, index) => followed.set(`${order[index]} ${item}`, (followed.get(`${order[index]} ${item}`) ?? 0) + 1));
  }
  expect(new Set(followed.values())).toEqual(new Set([2]));
  expect(followed.size).toBe(count * (count - 1));
});

test("the rounds that warm up don't count", async () => {
  let calls = 0;
  const rows = await interleave([{ name: "one", measure: (isWarmUp) => Promise.resolve({ calls: isWarmUp ? 1000 : ++calls }) }], { rounds: 3, warmUps: 2 });
  expect(rows).toEqual([{ name: "one", values: { calls: 2 }, rounds: { calls: [1, 2, 3] } }]);
});

test("a ratio is the median of those within each round, whatever the machine did between them", () => {
  const rows = [
    { name: "bare", values: { speed: 10 }, rounds: { speed: [10, 100, 5] } },
    { name: "acomm", values: { speed: 20 }, rounds: { speed: [20, 150, 20] } },
  ];
  expect(relativeTo("bare", "speed", rows).map(({ values }) => values["ratio"])).toEqual([1, 2]);
});
