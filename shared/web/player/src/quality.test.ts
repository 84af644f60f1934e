import { expect, test } from "vitest";

import { bestFirst, bitrateText, firstQuality, qualityName, sameQuality } from "./quality";

const source = { name: "Source", height: 1080, bitrateBps: 6_000_000 };
const small = { name: "480p", height: 480, bitrateBps: 1_200_000 };
const sound = { name: undefined, height: 0, bitrateBps: 128_000 };

test("a quality is named by its name and height", () => {
  expect(qualityName(source, "audio only")).toBe("Source (1080p)");
  expect(qualityName(small, "audio only")).toBe("480p");
  expect(qualityName(sound, "audio only")).toBe("audio only");
  expect(qualityName({ ...small, name: "0" }, "audio only")).toBe("480p");
});

test("bit rates change unit where rounding would reach it", () => {
  expect(bitrateText(999_499)).toBe("999 kbit/s");
  expect(bitrateText(999_500)).toBe("1.0 Mbit/s");
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

test("the first quality is the best one that the throughput carries, in any order of the list", () => {
  expect(firstQuality([source, small, sound], 2_000_000)).toBe(1);
  expect(firstQuality([sound, source, small], 6_000_000)).toBe(1);
  expect(firstQuality([sound, small, source], 1_199_999)).toBe(0);
});

test("where even the least needs more than there is, it is the first", () => {
  expect(firstQuality([source, small], 100_000)).toBe(1);
  expect(firstQuality([], 2_000_000)).toBe(-1);
});
