import { expect, test } from "vitest";

import { autoText, bestFirst, bitrateText, qualityName, qualityText, sameQuality } from "./quality";

const source = { name: "Source", height: 1080, bitrateBps: 6_000_000 };
const small = { name: "480p", height: 480, bitrateBps: 1_200_000 };
const sound = { name: undefined, height: 0, bitrateBps: 128_000 };

test("a quality is named by its name, height and bit rate", () => {
  expect(qualityText(source)).toBe("Source (1080p) · 6.0 Mbit/s");
  expect(qualityText(small)).toBe("480p · 1.2 Mbit/s");
  expect(qualityText(sound)).toBe("audio only · 128 kbit/s");
  expect(qualityText({ ...small, bitrateBps: 0 })).toBe("480p");
  expect(qualityName({ ...small, name: "0" })).toBe("480p");
});

test("bit rates change unit where rounding would reach it", () => {
  expect(bitrateText(999_499)).toBe("999 kbit/s");
  expect(bitrateText(999_500)).toBe("1.0 Mbit/s");
});

test("automatic choice says what it chose", () => {
  expect(autoText(undefined)).toBe("Auto");
  expect(autoText(small)).toBe("Auto (480p)");
  expect(autoText(sound)).toBe("Auto (audio)");
});

test("the best quality comes first", () => {
  expect(bestFirst([small, sound, source])).toEqual([2, 0, 1]);
  expect(bestFirst([])).toEqual([]);
});

test("a choice is found again by name and height, whatever its bit rate and place", () => {
  expect(sameQuality([small, { ...source, bitrateBps: 1 }], source)).toBe(1);
  expect(sameQuality([small], source)).toBe(-1);
  expect(sameQuality([small], undefined)).toBe(-1);
});
