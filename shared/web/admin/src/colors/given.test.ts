import { expect, test } from "vitest";

import { NAMES } from "@common/appearance";

import { othersOf, withValue } from "./given";

test("a variable is set, changed and taken away, in the server's order", () => {
  const one = withValue({ b: "red" }, "a", "#fff");
  expect(JSON.stringify(one)).toBe('{"a":"#fff","b":"red"}');
  expect(withValue(one, "a", "#000")).toEqual({ a: "#000", b: "red" });
  expect(withValue(one, "a", "")).toEqual({ b: "red" });
});

test("variables without a field are named", () => {
  expect(othersOf({ [NAMES.action]: "red", "theme-color-palette-3": "#fff" })).toEqual([
    "theme-color-palette-3",
  ]);
});
