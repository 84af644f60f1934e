import { expect, test } from "vitest";

import { endOfHoles, isComplete } from "./ending";
import type { Ranges } from "./ending";

function ranges(...of: [number, number][]): Ranges {
  const at = (index: number): [number, number] => of[index] ?? [Number.NaN, Number.NaN];
  return { length: of.length, start: (index) => at(index)[0], end: (index) => at(index)[1] };
}

test("a closed playlist is complete once its last part is buffered", () => {
  const parts = [
    { start: 10, duration: 0.5 },
    { start: 10.5, duration: 0.2 },
  ];
  expect(isComplete(parts, ranges([2, 10.5]))).toBe(false);
  // An encoder's last picture or sound may be missing.
  expect(isComplete(parts, ranges([2, 4], [5, 10.65]))).toBe(true);
  expect(isComplete(parts, ranges())).toBe(false);
  expect(isComplete(null, ranges())).toBe(true);
  expect(isComplete([], ranges())).toBe(true);
});

test("a hole behind the picture is removed with what lies before it", () => {
  expect(endOfHoles(ranges([2, 24.2], [24.3, 46]), 45)).toBe(24.3);
  expect(endOfHoles(ranges([2, 9], [10, 20], [20.1, 46]), 45)).toBe(20.1);
  expect(endOfHoles(ranges([2, 9], [10, 20], [20.1, 46]), 15)).toBe(10);
});

test("where the picture still is before the hole, nothing is removed", () => {
  expect(endOfHoles(ranges([2, 24.2], [24.3, 46]), 20)).toBeUndefined();
  expect(endOfHoles(ranges([2, 46]), 20)).toBeUndefined();
  expect(endOfHoles(ranges(), 0)).toBeUndefined();
});
