import { expect, test } from "vitest";

import { cmcdText, hundreds } from "./cmcd";

test("keys are written in the order of the alphabet, each as its kind", () => {
  const text = cmcdText({
    st: "l",
    bl: 2_300,
    sid: 'a"b',
    bs: true,
    "internal.farcast-start": 811.6,
    br: 3_200,
  });
  expect(text).toBe('bl=2300,br=3200,bs,internal.farcast-start=812,sid="a\\"b",st=l');
});

test("what is not known is left out", () => {
  expect(cmcdText({ bl: undefined, br: Number.NaN, bs: false, mtp: Infinity })).toBe("");
});

test("buffers and throughputs are rounded to hundreds", () => {
  expect(hundreds(2_349)).toBe(2_300);
  expect(hundreds(undefined)).toBeUndefined();
});
