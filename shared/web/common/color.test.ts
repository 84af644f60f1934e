import { expect, test } from "vitest";

import { BLACK, colorOf, contrast, hexOf, isDark, plainOn, readable, WHITE } from "./color";
import type { Color } from "./color";

const color = (text: string): Color => colorOf(text) ?? expect.fail(`${text} is a colour`);

test("colours are read as they are written in style sheets", () => {
  expect(colorOf("#fff")).toEqual(WHITE);
  expect(colorOf(" #A1B2C3 ")).toEqual({ red: 161, green: 178, blue: 195 });
  expect(colorOf("#a1b2c380")).toEqual(color("#a1b2c3"));
  expect(colorOf("rgb(120, 0, 255)")).toEqual(color("rgb(120 0 255 / 50%)"));
  for (const other of ["#ff", "#fffff", "red", "rgb(1, 2)", "oklch(0.5 0.1 20)", "var(--x)", ""]) {
    expect(colorOf(other), other).toBeNull();
  }
  expect(hexOf(color("rgb(120, 0, 255)"))).toBe("#7800ff");
});

test("contrast is that of WCAG", () => {
  expect(contrast(BLACK, WHITE)).toBeCloseTo(21, 5);
  expect(contrast(color("#777777"), WHITE)).toBeCloseTo(4.478, 3);
  expect(contrast(WHITE, color("#777777"))).toBeCloseTo(4.478, 3);
});

test("text is white on dark grounds and black on light ones", () => {
  expect(plainOn(color("#1f2937"))).toEqual(WHITE);
  expect(plainOn(color("#fde68a"))).toEqual(BLACK);
  expect([isDark(color("#2557c9")), isDark(color("#8ab4ff"))]).toEqual([true, false]);
});

test("a colour that cannot be read is moved as far as it has to be, one that can stays", () => {
  const yellow = color("#ffe066");
  const moved = readable(yellow, [WHITE], 4.5);
  expect(contrast(moved, WHITE)).toBeGreaterThanOrEqual(4.5);
  expect(contrast(moved, WHITE)).toBeLessThan(6);
  expect(readable(yellow, [color("#101010")], 4.5)).toEqual(yellow);
  const both = [color("#777777"), color("#7a7a7a")];
  const best = readable(color("#808080"), both, 4.5);
  expect(Math.min(...both.map((ground) => contrast(best, ground)))).toBeGreaterThan(4.4);
});
