import { expect, test } from "vitest";

import { newKey } from "./key";

test("a key is what the server takes, and no two are the same", () => {
  expect(newKey()).toMatch(/^[a-z2-9_]{24}$/u);
  expect(newKey()).not.toBe(newKey());
});

test("each byte gives a letter", () => {
  expect(newKey((bytes) => bytes.fill(255))).toBe("_".repeat(24));
  expect(newKey((bytes) => bytes.fill(32))).toBe("a".repeat(24));
});
