import { expect, test } from "vitest";

import { emojiName, faultOf } from "./file";

const rules = { types: ["image/png"], mostBytes: 10 };

test("pictures of other types, and large ones, are not sent", () => {
  expect(faultOf({ type: "image/png", size: 10 }, rules)).toBeNull();
  expect(faultOf({ type: "text/html", size: 1 }, rules)).toBe("type");
  expect(faultOf({ type: "image/png", size: 11 }, rules)).toBe("size");
});

test("names of emoji can be typed", () => {
  expect(emojiName("Party Parrot (2).GIF", "image/gif")).toBe("party_parrot_2.gif");
  expect(emojiName("Übung.png", "image/png")).toBe("ubung.png");
  expect(emojiName("🎉.png", "image/png")).toBe("");
  expect(emojiName(`${"a".repeat(80)}.webp`, "image/webp")).toHaveLength(45);
});
