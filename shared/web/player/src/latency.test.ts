import { expect, test } from "vitest";

import { figure, isBehind, wallLatency } from "./latency";

test("latency is this clock minus the picture's", () => {
  expect(wallLatency(10_500, new Date(9_000))).toBe(1.5);
  expect(wallLatency(10_500, null)).toBeNull();
  expect(wallLatency(10_500, new Date(Number.NaN))).toBeNull();
});

test("the picture's age is shown where the clocks allow it", () => {
  expect(figure({ wall: 1.64, edge: 1.48 })).toEqual({ seconds: 1.64, isEndToEnd: true });
  expect(figure({ wall: 1.64, edge: null })).toEqual({ seconds: 1.64, isEndToEnd: true });
});

test("a clock that is wrong is not believed", () => {
  for (const wall of [-0.1, 3_600, null]) {
    expect(figure({ wall, edge: 1.48 })).toEqual({ seconds: 1.48, isEndToEnd: false });
  }
  expect(figure({ wall: null, edge: null })).toBeNull();
});

test("a little drift is not being behind", () => {
  expect(isBehind(4.4, 1.5)).toBe(false);
  expect(isBehind(4.6, 1.5)).toBe(true);
  expect(isBehind(null, 1.5)).toBe(false);
  expect(isBehind(9, null)).toBe(false);
});
