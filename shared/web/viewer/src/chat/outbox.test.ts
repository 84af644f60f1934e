import { expect, test } from "vitest";

import { APART_MS, MOST_WAITING, Outbox } from "./outbox";

test("the first goes at once, the others apart, in their order", () => {
  const box = new Outbox();
  for (const key of ["a", "b", "c"]) box.put({ message: key, key });
  expect(box.take(0, false)?.key).toBe("a");
  expect(box.take(APART_MS - 1, false)).toBeUndefined();
  expect(box.waitMs(APART_MS - 1, false)).toBe(1);
  expect(box.take(APART_MS, false)?.key).toBe("b");
  expect(box.take(5 * APART_MS, false)?.key).toBe("c");
  expect(box.waitMs(5 * APART_MS, false)).toBeUndefined();
});

test("the server hears moderators as often as they speak", () => {
  const box = new Outbox();
  for (const key of ["a", "b"]) box.put({ message: key, key });
  expect([box.take(0, true)?.key, box.take(0, true)?.key]).toEqual(["a", "b"]);
});

test("it is bounded, and what waits can be taken back", () => {
  const box = new Outbox();
  const taken = Array.from({ length: MOST_WAITING + 1 }, (_, index) => box.put({ message: index }));
  expect(taken.filter(Boolean)).toHaveLength(MOST_WAITING);
  expect(box.empty()).toHaveLength(MOST_WAITING);
  expect(box.waitMs(0, false)).toBeUndefined();
});
