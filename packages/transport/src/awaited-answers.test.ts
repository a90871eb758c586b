import { encodeReply } from "@acomm/protocol";
import { thrownBy } from "@acomm/testing";
import { expect, test } from "vitest";
import { AwaitedAnswers } from "./awaited-answers.ts";
import { note } from "./fixtures/note.ts";
import type { OutgoingMessage } from "./transport.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function addNumbered(answers: AwaitedAnswers): OutgoingMessage {
  const number = answers.nextNumber();
  const message = note(`${answers.frames.blankId.slice(0, -9)}${number}`, []);
  answers.addNumbered(message, number);
  return message;
}

/** Takes the message that a reply answers. */
function takeReplied(answers: AwaitedAnswers, id: string): OutgoingMessage | undefined {
  const before = "{}";
  const text = `${before}${encodeReply({ id }, "1")}`;
  const number = answers.numberOfReply(text, before.length);
  if (number < 0) return undefined;
  expect(text.slice(0, answers.idEnd(before.length))).toMatch(new RegExp(`${id}$`));
  return answers.take(number);
}

test("ids have the form of a UUID, and those of one connection differ in their number alone", () => {
  const answers = new AwaitedAnswers();
  const [first, second] = [addNumbered(answers).id, addNumbered(answers).id];
  expect(first).toMatch(uuid);
  expect(answers.frames.blankId).toMatch(uuid);
  expect(second).not.toBe(first);
  expect(second.slice(0, 27)).toBe(first.slice(0, 27));
  expect(addNumbered(new AwaitedAnswers()).id.slice(0, 27)).not.toBe(first.slice(0, 27));
});

test("a number that no message takes is nobody's", () => {
  const answers = new AwaitedAnswers();
  const numbers = Array.from({ length: 100 }, () => answers.nextNumber());
  expect(new Set(numbers).size).toBe(100);
  const message = addNumbered(answers);
  for (const number of numbers) expect([answers.at(number), answers.take(number)]).toEqual([undefined, undefined]);
  expect(takeReplied(answers, message.id)).toBe(message);
});

test("each of thousands is found by its reply, in any order, once", () => {
  const answers = new AwaitedAnswers();
  const open = new Map<string, OutgoingMessage>();
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed % below;
  };
  for (let step = 0; step < 20_000; step += 1) {
    if (random(step < 10_000 ? 3 : 2) > 0 || open.size === 0) {
      const message = addNumbered(answers);
      expect(open.has(message.id)).toBe(false);
      open.set(message.id, message);
    } else {
      const id = [...open.keys()][random(Math.min(open.size, 50))] ?? "";
      expect(answers.find(id)).toBe(open.get(id));
      expect(takeReplied(answers, id)).toBe(open.get(id));
      expect(takeReplied(answers, id)).toBeUndefined();
      expect(answers.find(id)).toBeUndefined();
      open.delete(id);
    }
    expect(answers.size).toBe(open.size);
  }
  expect(answers.drain()).toEqual(new Set(open.values()));
  expect(answers.size).toBe(0);
}, 20_000);

test("one that waits for long is passed over by those that come and go", () => {
  const answers = new AwaitedAnswers();
  const long = Array.from({ length: 40 }, () => addNumbered(answers));
  for (let index = 0; index < 1000; index += 1) expect(answers.delete(addNumbered(answers))).toBe(true);
  for (const message of long) expect(takeReplied(answers, message.id)).toBe(message);
});

test.each([
  ["of another connection", addNumbered(new AwaitedAnswers()).id],
  ["whose number is not written in digits", "0123456789-0123456789-01234:00000000"],
  ["that is short", "a"],
])("a reply with an id %s is nobody's", (_, id) => {
  const answers = new AwaitedAnswers();
  const message = addNumbered(answers);
  expect(takeReplied(answers, id)).toBeUndefined();
  expect(takeReplied(answers, `${message.id.slice(0, -2)}:0`)).toBeUndefined();
  expect(answers.find(id)).toBeUndefined();
  expect(answers.size).toBe(1);
});

test("a message may bring an id of its own, which must be free", () => {
  const answers = new AwaitedAnswers();
  const own = note("mine", []);
  answers.add(own);
  expect(answers.find("mine")).toBe(own);
  expect(thrownBy(() => { answers.add(note("mine", [])); }).code).toBe("duplicate_id");
  const numbered = addNumbered(answers);
  expect(thrownBy(() => { answers.add(note(numbered.id, [])); }).code).toBe("duplicate_id");
  expect(answers.delete(note("mine", []))).toBe(false);
  expect(answers.delete(own)).toBe(true);
  expect(answers.size).toBe(1);
});
