import { expect, test } from "vitest";

import { moved, placeOf } from "./order";

test("one is moved, the others keep their order", () => {
  const list = ["a", "b", "c", "d"];
  expect(moved(list, 0, 2)).toEqual(["b", "c", "a", "d"]);
  expect(moved(list, 3, 0)).toEqual(["d", "a", "b", "c"]);
  expect(moved(list, 1, 1)).toEqual(list);
  expect(moved([], 0, 0)).toEqual([]);
});

test("what is dragged passes a neighbour at its middle, however high they are", () => {
  const rows = [
    { top: 0, bottom: 100 },
    { top: 100, bottom: 140 },
    { top: 140, bottom: 200 },
  ];
  expect([placeOf(rows, 0, 119), placeOf(rows, 0, 121), placeOf(rows, 0, 999)]).toEqual([0, 1, 2]);
  expect([placeOf(rows, 2, 121), placeOf(rows, 2, 119), placeOf(rows, 2, -5)]).toEqual([2, 1, 0]);
  // After it has passed, the same pointer leaves it where it is.
  const passed = [
    { top: 0, bottom: 40 },
    { top: 40, bottom: 140 },
    { top: 140, bottom: 200 },
  ];
  expect(placeOf(passed, 1, 121)).toBe(1);
});
