import { expect, test } from "vitest";

import { columnsOf, placeAfter, topOf } from "./series";

test("measurements are columns in the order of time", () => {
  const measured = [
    { time: "2026-03-15T20:01:00Z", value: 7 },
    { time: "2026-03-15T20:00:00Z", value: 5 },
    { time: "nonsense", value: 1 },
  ];
  const first = Date.parse("2026-03-15T20:00:00Z") / 1_000;
  expect(columnsOf(measured)).toEqual([
    [first, first + 60],
    [5, 7],
  ]);
  expect(columnsOf([])).toEqual([[], []]);
});

test("a scale has room above the highest value, and something to show where all is zero", () => {
  expect([topOf([]), topOf([0, 0]), topOf([10, 200]), topOf([5], 100)]).toEqual([
    1.1,
    1.1,
    expect.closeTo(220),
    100,
  ]);
});

test("keys lead through all values and not beyond", () => {
  expect(placeAfter("ArrowLeft", null, 30)).toBe(29);
  expect(placeAfter("ArrowLeft", 29, 30)).toBe(28);
  expect(placeAfter("ArrowLeft", 0, 30)).toBe(0);
  expect(placeAfter("ArrowRight", 29, 30)).toBe(29);
  expect([placeAfter("Home", 9, 30), placeAfter("End", 9, 30)]).toEqual([0, 29]);
  expect([placeAfter("PageDown", 5, 30), placeAfter("PageUp", 25, 30)]).toEqual([0, 29]);
  expect([placeAfter("a", 5, 30), placeAfter("Home", null, 0)]).toEqual([null, null]);
});
