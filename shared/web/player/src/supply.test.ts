import { expect, test } from "vitest";

import { fails, IDLE_MS, LOW_S, observe } from "./supply";

const failing = { loading: false, wanted: true, stockS: LOW_S / 2, announcedS: 0.5 };

test("the supply fails when media is announced, needed and not being loaded", () => {
  expect(fails(failing, 0.5)).toBe(true);
  for (const change of [{ loading: true }, { wanted: false }, { stockS: LOW_S }, { announcedS: 0.1 }]) {
    expect(fails({ ...failing, ...change }, 0.5)).toBe(false);
  }
});

test("a failure that lasts is answered by one seek", () => {
  const first = observe(undefined, true, 1_000);
  expect(first).toEqual({ sinceMs: 1_000, seek: false });
  expect(observe(first.sinceMs, true, 1_000 + IDLE_MS - 1).seek).toBe(false);
  const then = observe(first.sinceMs, true, 1_000 + IDLE_MS);
  expect(then.seek).toBe(true);
  expect(observe(then.sinceMs, true, 1_000 + IDLE_MS + 1).seek).toBe(false);
});

test("a moment's failure is none", () => {
  const first = observe(undefined, true, 1_000);
  const mended = observe(first.sinceMs, false, 1_200);
  expect(observe(mended.sinceMs, true, 1_000 + IDLE_MS)).toEqual({ sinceMs: 1_000 + IDLE_MS, seek: false });
});
