import { expect, test } from "vitest";

import { commandOf } from "./keys";

const press = (key: string, more: Partial<Parameters<typeof commandOf>[0]> = {}) =>
  commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, focus: "BODY", ...more });

test("keys command the player, in either case", () => {
  expect(press(" ")).toBe("play");
  expect(press("M")).toBe("mute");
  expect(press("ArrowUp")).toBe("louder");
  expect(press("x")).toBeUndefined();
  expect(press("toString")).toBeUndefined();
});

test("the browser's own shortcuts are left alone", () => {
  expect(press("f", { ctrlKey: true })).toBeUndefined();
  expect(press("l", { metaKey: true })).toBeUndefined();
});

test("a focused control keeps the keys that it needs", () => {
  expect(press(" ", { focus: "BUTTON" })).toBeUndefined();
  expect(press("m", { focus: "BUTTON" })).toBe("mute");
  expect(press("ArrowUp", { focus: "INPUT" })).toBeUndefined();
  expect(press("m", { focus: "SELECT" })).toBeUndefined();
});
