import { expect, test } from "vitest";

import { place } from "./place";

const window = { width: 1000, height: 800 };
const anchor = (left: number, top: number) => ({ left, right: left + 40, top, bottom: top + 40 });

test("a popup opens below, or above where there is no room below", () => {
  expect(place(anchor(100, 100), { width: 200, height: 300 }, window)).toEqual({ left: 100, top: 146 });
  expect(place(anchor(900, 700), { width: 200, height: 300 }, window)).toEqual({ left: 740, top: 394 });
});

test("it never leaves the window", () => {
  const { left, top } = place(anchor(960, 780), { width: 990, height: 790 }, window);
  expect([left, top]).toEqual([8, 8]);
});
