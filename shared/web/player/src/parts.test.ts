import { expect, test } from "vitest";

import { skipEarlier } from "./parts";

const part = (sn: number, index: number, loaded: boolean): Parameters<typeof skipEarlier>[0][number] => ({
  index,
  fragment: { sn },
  loaded,
  gap: false,
});

test("of the segment in which loading begins, the parts before are not wanted", () => {
  const parts = [
    part(7, 3, false),
    part(8, 0, false),
    part(8, 1, false),
    part(8, 2, false),
    part(9, 0, false),
  ];
  skipEarlier(parts, { index: 2, fragment: { sn: 8 } });
  expect(parts.map(({ gap }) => gap)).toEqual([false, true, true, false, false]);
});

test("what was loaded stays so", () => {
  const parts = [part(8, 0, true), part(8, 1, false), part(8, 2, true), part(8, 3, false)];
  skipEarlier(parts, { index: 3, fragment: { sn: 8 } });
  expect(parts.map(({ gap }) => gap)).toEqual([false, true, false, false]);
});
