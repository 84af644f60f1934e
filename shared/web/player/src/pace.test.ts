import { expect, test } from "vitest";

import { BEGIN_S, CATCH_UP_WITHIN_S, END_S, holdS, LONGEST_HOLD_S, rate, STOCK_S } from "./pace";

/** Latency beyond the intended one after so long, the stream coming at its own pace. */
function after(seconds: number, lateS: number, stockS: number): number {
  let late = lateS;
  let stock = stockS;
  let now = 1;
  for (let i = 0; i < seconds * 10; i += 1) {
    now = rate({ lateS: late, stockS: stock }, now);
    late -= (now - 1) * 0.1;
    stock -= (now - 1) * 0.1;
  }
  return late;
}

test("a viewer too close to the live edge is back at the distance within ten seconds", () => {
  for (const lateS of [-1.4, -0.9, -0.5, -0.2]) expect(after(10, lateS, 0.1)).toBeGreaterThan(-0.2);
});

test("a viewer who is late catches up while there is something in stock", () => {
  expect(after(10, 0.6, 2)).toBeLessThan(BEGIN_S);
  expect(rate({ lateS: 0.6, stockS: STOCK_S / 2 }, 1)).toBe(1);
});

test("a viewer who is very late chose so", () => {
  expect(rate({ lateS: CATCH_UP_WITHIN_S + 1, stockS: 20 }, 1)).toBe(1);
});

test("the rate does not flutter", () => {
  for (const sign of [1, -1]) {
    const between = { lateS: (sign * (BEGIN_S + END_S)) / 2, stockS: 2 };
    expect(rate(between, 1)).toBe(1);
    expect(rate(between, sign > 0 ? 1.05 : 0.95)).not.toBe(1);
    expect(rate({ lateS: sign * END_S * 0.9, stockS: 2 }, 1.05)).toBe(1);
  }
});

test("a picture that stood is held until the distance is right, for a bounded time", () => {
  expect(holdS({ lateS: -0.8 })).toBeCloseTo(0.8);
  expect(holdS({ lateS: -9 })).toBe(LONGEST_HOLD_S);
  expect(holdS({ lateS: -BEGIN_S })).toBe(0);
  expect(holdS({ lateS: 1 })).toBe(0);
});
