import { expect, test } from "vitest";
import { Fifo } from "./fifo.ts";

test.each([1, 2, 3, 7, 40])("gives items back in the order in which they came, with %d pushes to each shift at first, then the other way", (pushes) => {
  const fifo = new Fifo<number>();
  const expected: number[] = [];
  const push = (item: number): void => {
    fifo.push(item);
    expected.push(item);
  };
  for (let item = 1; item <= 500; item += 1) {
    push(item);
    if (item % pushes === 0) expect(fifo.shift()).toBe(expected.shift());
    expect([fifo.size, fifo.newest]).toEqual([expected.length, expected.at(-1)]);
  }
  for (let item = 501; item <= 1000; item += 1) {
    if (item % pushes === 0) push(item);
    expect(fifo.shift()).toBe(expected.shift());
  }
  for (let item = 1; item <= 50; item += 1) push(item);
  expect(fifo.drain()).toEqual(expected);
  expect([fifo.size, fifo.shift()]).toEqual([0, undefined]);
});
