import { expect, test } from "vitest";

import { mayMention, mentions } from "./mention";

test("a glance at the HTML misses nobody", () => {
  expect(mayMention("<p>hello <em>ADA</em></p>", "Ada")).toBe(true);
  expect(mayMention("hello Grace", "Ada")).toBe(false);
  // These are written otherwise in HTML.
  expect(mayMention("Tom &amp; Jerry", "Tom & Jerry")).toBe(true);
  expect(mayMention("O&#39;Hara", "O'Hara")).toBe(true);
});

test("a name is mentioned as a word, in any case", () => {
  for (const text of ["Ada!", "hello @ada", "what, ADA?", "(ada)", "adage, but ada"]) {
    expect(mentions(text, "Ada"), text).toBe(true);
  }
  for (const text of ["", "adage", "canada", "ad a", "ada_l"])
    expect(mentions(text, "Ada"), text).toBe(false);
});

test("short names need an @, and nobody is mentioned by nothing", () => {
  expect(mentions("is it so", "is")).toBe(false);
  expect(mentions("@is it so", "is")).toBe(true);
  expect(mentions("anything", "")).toBe(false);
  expect(mentions("a (b", "(b")).toBe(false);
});
