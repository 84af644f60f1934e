import { expect, test } from "vitest";

import { isBehind, latencyDetail, latencyText, wallLatency } from "./latency";

test("latency is this clock minus the picture's", () => {
  expect(wallLatency(10_500, new Date(9_000))).toBe(1.5);
  expect(wallLatency(10_500, null)).toBeNull();
  expect(wallLatency(10_500, new Date(Number.NaN))).toBeNull();
});

test("both measures are shown", () => {
  expect(latencyText({ wall: 1.64, edge: 1.48 })).toBe("1.6 s");
  expect(latencyDetail({ wall: 1.64, edge: 1.48 })).toBe("(1.5 s behind the edge)");
});

test("a clock that is wrong is not believed", () => {
  for (const wall of [-0.1, 3_600, null]) {
    expect(latencyText({ wall, edge: 1.48 })).toBe("1.5 s");
    expect(latencyDetail({ wall, edge: 1.48 })).toContain("clocks differ");
  }
  expect(latencyText({ wall: null, edge: null })).toBe("–");
  expect(latencyDetail({ wall: 2, edge: null })).toBe("");
});

test("a little drift is not being behind", () => {
  expect(isBehind(4.4, 1.5)).toBe(false);
  expect(isBehind(4.6, 1.5)).toBe(true);
  expect(isBehind(null, 1.5)).toBe(false);
  expect(isBehind(9, null)).toBe(false);
});
