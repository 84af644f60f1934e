import { expect, test } from "vitest";

import { answers, ASK_APART_MS, isOdd, SILENT_MS } from "./silence";

test("silence is odd after a while, longer where media comes seldom, and is asked about now and then", () => {
  const never = -Infinity;
  expect(isOdd(0, never, SILENT_MS - 1, 0.33)).toBe(false);
  expect(isOdd(0, never, SILENT_MS, 0.33)).toBe(true);
  expect(isOdd(0, never, 1_999, 1)).toBe(false);
  expect(isOdd(0, never, 2_000, 1)).toBe(true);
  expect(isOdd(0, 2_000, 2_000 + ASK_APART_MS - 1, 0)).toBe(false);
  expect(isOdd(0, 2_000, 2_000 + ASK_APART_MS, 0)).toBe(true);
});

test("any answer is one, and nothing is thrown", async () => {
  const asked: string[] = [];
  const says = (url: string) => {
    asked.push(url);
    return url.includes("dead") ? Promise.reject(new TypeError("refused")) : Promise.resolve({ status: 503 });
  };
  expect([await answers("https://there", says), await answers("https://dead", says)]).toEqual([true, false]);
  expect(asked).toEqual(["https://there/healthz", "https://dead/healthz"]);
});
