import { expect, test } from "vitest";

import { ASK_APART_MS, isOdd, isReady, SILENT_MS } from "./silence";

test("silence is odd after a while, longer where media comes seldom, and is asked about now and then", () => {
  const never = -Infinity;
  expect(isOdd(0, never, SILENT_MS - 1, 0.33)).toBe(false);
  expect(isOdd(0, never, SILENT_MS, 0.33)).toBe(true);
  expect(isOdd(0, never, 1_999, 1)).toBe(false);
  expect(isOdd(0, never, 2_000, 1)).toBe(true);
  expect(isOdd(0, 2_000, 2_000 + ASK_APART_MS - 1, 0)).toBe(false);
  expect(isOdd(0, 2_000, 2_000 + ASK_APART_MS, 0)).toBe(true);
});

test("an edge that does not answer, or lost its origin, is not ready, and nothing is thrown", async () => {
  const asked: string[] = [];
  const says = (url: string) => {
    asked.push(url);
    if (url.includes("dead")) return Promise.reject(new TypeError("refused"));
    return Promise.resolve({ ok: !url.includes("alone") });
  };
  const ready = await Promise.all(["there", "alone", "dead"].map((name) => isReady(`https://${name}`, says)));
  expect(ready).toEqual([true, false, false]);
  expect(asked[0]).toBe("https://there/readyz/media");
});
