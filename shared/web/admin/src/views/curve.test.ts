import { expect, test } from "vitest";

import { points, topOf } from "./curve";

const at = (second: number, value: number): { time: string; value: number } => ({
  time: new Date(second * 1_000).toISOString(),
  value,
});

test("a line spans the box, by time and by value", () => {
  expect(points([at(0, 0), at(30, 5), at(120, 10)], 100, 20)).toBe("0.0,20.0 25.0,10.0 100.0,0.0");
});

test("a scale with a top keeps to it", () => {
  expect(points([at(0, 50), at(10, 140)], 100, 20, 100)).toBe("0.0,10.0 100.0,0.0");
  expect(topOf([])).toBe(1);
  expect(topOf([at(0, 3)])).toBe(3);
});

test("one value is a point at the right", () => {
  expect(points([at(5, 1)], 100, 20)).toBe("100.0,0.0");
  expect(points([], 100, 20)).toBe("");
});
