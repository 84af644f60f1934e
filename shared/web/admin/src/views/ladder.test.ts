import { expect, test } from "vitest";

import { costOf, faultsOf, isSound, named, nameOfQuality, newQuality } from "./ladder";
import type { Quality } from "./ladder";

const quality = (changed: Partial<Quality>): Quality => ({ ...newQuality, ...changed });
const faults = (changed: Partial<Quality>): string[] => faultsOf(quality(changed), [quality(changed)]);

test("what the server would refuse is refused", () => {
  expect(faults({})).toEqual([]);
  expect(faults({ videoBitrate: 9 })).toEqual(["bitRate"]);
  expect(faults({ videoBitrate: Number.NaN })).toEqual(["bitRate"]);
  expect(faults({ scaledHeight: 15 })).toEqual(["height"]);
  expect(faults({ scaledHeight: 721 })).toEqual(["height"]);
  expect(faults({ framerate: 121 })).toEqual(["frameRate"]);
  expect(faults({ audioPassthrough: false, audioBitrate: 8 })).toEqual(["audioBitRate"]);
  expect(faults({ scaledHeight: 0, audioPassthrough: false, audioBitrate: 0 })).toEqual([]);
});

test("what is passed through needs no figures", () => {
  expect(faults({ videoPassthrough: true, videoBitrate: 0, framerate: 0 })).toEqual([]);
});

test("no two have the same name, but for an empty one", () => {
  const twins = [quality({ name: "HD" }), quality({ name: "HD" })];
  expect(twins.map((one) => faultsOf(one, twins))).toEqual([["sameName"], ["sameName"]]);
  expect(isSound([quality({}), quality({})])).toBe(true);
  expect(isSound(twins)).toBe(false);
  expect(isSound([])).toBe(false);
  expect(isSound(Array.from({ length: 11 }, () => quality({})))).toBe(false);
});

test("an automatic name says what it is", () => {
  expect(nameOfQuality(quality({ name: "" }))).toBe("720p");
  expect(nameOfQuality(quality({ name: "Small" }))).toBe("Small");
});

test("who gives no name gets the height, once", () => {
  const all = [quality({}), quality({}), quality({ scaledHeight: 0 }), quality({ name: "Small" })];
  expect(named(all).map(({ name }) => name)).toEqual(["720p", "", "", "Small"]);
});

test("only what is encoded anew costs", () => {
  expect(costOf([quality({ videoPassthrough: true }), quality({}), quality({ videoBitrate: 800 })])).toEqual({
    encoded: 2,
    kbit: 2_600,
  });
});
