import { encodeReply } from "@acomm/protocol";
import { thrownBy } from "@acomm/testing";
import { expect, test } from "vitest";
import { AwaitedAnswers } from "./awaited-answers.ts";
import { note } from "./fixtures/note.ts";
import type { OutgoingMessage } from "./transport.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function addFree(answers: AwaitedAnswers): OutgoingMessage {
  const message = note(answers.freeId(), []);
  answers.add(message);
  return message;
}

/** Takes the message that a reply answers. */
function takeReplied(answers: AwaitedAnswers, id: string): OutgoingMessage | undefined {
  const before = "{}";
  const text = `${before}${encodeReply({ id }, "1")}`;
  const place = answers.placeOfReply(text, before.length);
  if (place < 0) return undefined;
  expect(text.slice(0, answers.idEnd(before.length))).toMatch(new RegExp(`${id}$`));
  return answers.take(place);
}

test("a free id has the form of a UUID and stays the same until a message takes it", () => {
  const answers = new AwaitedAnswers();
  const first = answers.freeId();
  expect(first).toMatch(uuid);
  expect(answers.freeId()).toBe(first);
  addFree(answers);
  expect(answers.freeId()).not.toBe(first);
  expect(answers.freeId().slice(0, 27)).toBe(first.slice(0, 27));
  expect(new AwaitedAnswers().freeId().slice(0, 27)).not.toBe(first.slice(0, 27));
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
      const message = addFree(answers);
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
  const long = Array.from({ length: 40 }, () => addFree(answers));
  for (let index = 0; index < 1000; index += 1) expect(answers.delete(addFree(answers))).toBe(true);
  for (const message of long) expect(takeReplied(answers, message.id)).toBe(message);
});

test.each([
  ["of another connection", new AwaitedAnswers().freeId()],
  ["whose number is not written in digits", "0123456789-0123456789-01234:00000000"],
  ["that is short", "a"],
])("a reply with an id %s is nobody's", (_, id) => {
  const answers = new AwaitedAnswers();
  const message = addFree(answers);
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
  const numbered = addFree(answers);
  expect(thrownBy(() => { answers.add(note(numbered.id, [])); }).code).toBe("duplicate_id");
  expect(answers.delete(note("mine", []))).toBe(false);
  expect(answers.delete(own)).toBe(true);
  expect(answers.size).toBe(1);
});
