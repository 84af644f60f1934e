import { expect, test } from "vitest";

import { pauseMs } from "./connection";

test("pauses grow to a bound and are spread", () => {
  expect([0, 1, 2, 20].map((tries) => pauseMs(tries, 1))).toEqual([1_000, 2_000, 4_000, 20_000]);
  expect(pauseMs(20, 0)).toBe(10_000);
});
