import { expect, test } from "vitest";

import { elsewhere } from "./pictures";

const PAGE = "https://fra.example.org";
const PARIS = "https://paris.example.org";

test("a picture of an edge that is gone comes from the one that serves the page", () => {
  expect(elsewhere(`${PAGE}/img/emoji/a.gif?v=2`, PAGE, PARIS)).toBe(`${PARIS}/img/emoji/a.gif?v=2`);
});

test("nothing is tried twice, and nothing of other sites", () => {
  for (const [source, base] of [
    [`${PAGE}/logo`, ""],
    [`${PARIS}/logo`, PARIS],
    ["https://elsewhere.example/logo", PARIS],
    ["data:image/png;base64,AA", PARIS],
    ["", PARIS],
  ] as const) {
    expect(elsewhere(source, PAGE, base), source).toBeUndefined();
  }
});
