import Hls, { Events } from "hls.js";
import type { FragLoadingData } from "hls.js";
import { expect, test } from "vitest";

import { captionTimeline, isNextPart } from "./caption-timeline";

test("the part after another of the same segment goes on", () => {
  const at = (sn: number, part?: number, continuity = 0) => ({ sn, part, continuity });
  expect(isNextPart(at(7, 1), at(7, 2))).toBe(true);
  for (const next of [at(7, 1), at(7, 3), at(8, 2), at(7), at(7, 2, 1)]) {
    expect(isNextPart(at(7, 1), next)).toBe(false);
  }
  expect(isNextPart(undefined, at(7, 0))).toBe(false);
});

test("hls.js reads on from part to part, and begins anew after a jump", () => {
  const hls = new Hls();
  const timeline = new captionTimeline(hls) as unknown as {
    cea608Parser1: { reset: () => void };
    cea608Parser2: { reset: () => void };
    onFragLoading: (event: Events.FRAG_LOADING, data: FragLoadingData) => void;
  };
  let resets = 0;
  timeline.cea608Parser1 = { reset: () => (resets += 1) };
  timeline.cea608Parser2 = { reset: () => undefined };
  const load = (sn: number, index: number): number => {
    resets = 0;
    const data = { frag: { sn, cc: 0, type: "main" }, part: { index } } as unknown as FragLoadingData;
    timeline.onFragLoading(Events.FRAG_LOADING, data);
    return resets;
  };
  load(7, 0);
  expect([load(7, 1), load(7, 2), load(8, 0), load(8, 1)]).toEqual([0, 0, 0, 0]);
  expect([load(8, 3), load(12, 0)]).toEqual([1, 1]);
  hls.destroy();
});
