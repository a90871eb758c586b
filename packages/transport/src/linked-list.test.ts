import { expect, test } from "vitest";
import { LinkedList } from "./linked-list.ts";
import type { Linked } from "./linked-list.ts";

class Thing implements Linked<Thing> {
  list: object | undefined;
  previous: Thing | undefined;
  next: Thing | undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const a = new Thing("a");
const b = new Thing("b");
const c = new Thing("c");
const namesOf = (list: LinkedList<Thing>): string => list.values().map(({ name }) => name).join("");

test("gives what is in, in the order in which it came, wherever what has left stood", () => {
  for (const [left, others] of [[a, "bc"], [b, "ac"], [c, "ab"]] as const) {
    const list = new LinkedList<Thing>();
    for (const thing of [a, b, c]) list.add(thing);
    expect(namesOf(list)).toBe("abc");
    expect(list.delete(left)).toBe(true);
    expect([namesOf(list), list.size, list.first?.name]).toEqual([others, 2, others[0]]);
    list.add(left);
    expect(namesOf(list)).toBe(others + left.name);
    for (const thing of list.values()) list.delete(thing);
    expect([namesOf(list), list.size, list.first]).toEqual(["", 0, undefined]);
  }
});

test("takes out only what is in, and lets it go wholly", () => {
  const list = new LinkedList<Thing>();
  const other = new LinkedList<Thing>();
  for (const thing of [a, b, c]) list.add(thing);
  expect(other.delete(b)).toBe(false);
  expect(list.delete(b)).toBe(true);
  expect(list.delete(b)).toBe(false);
  expect([b.list, b.previous, b.next]).toEqual([undefined, undefined, undefined]);
  other.add(b);
  expect([namesOf(list), namesOf(other)]).toEqual(["ac", "b"]);
});
