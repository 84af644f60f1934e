import { expect, test } from "vitest";

import { ago, clock, count, shortCount } from "./format";

test("how long ago", () => {
  expect(ago("en", 20)).toBe("now");
  expect(ago("en", 60)).toBe("1 minute ago");
  expect(ago("en", 3 * 3_600 + 100)).toBe("3 hours ago");
  expect(ago("de", 86_400)).toBe("gestern");
  expect(ago("de", 21 * 86_400)).toBe("vor 3 Wochen");
});

test("clocks and counts", () => {
  expect([clock(5), clock(65), clock(3_909), clock(-1)]).toEqual(["0:05", "1:05", "1:05:09", "0:00"]);
  expect(count("en", 12_345)).toBe("12,345");
  expect(count("de", 1.25, 1)).toBe("1,3");
  expect(shortCount("en", 1_234)).toBe("1.2K");
});
