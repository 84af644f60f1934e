import { expect, test } from "vitest";

import { errorsOf, shareStalled, stateOf } from "./told";

const NOW = {
  windowSeconds: 600,
  edges: 1,
  silentEdges: 0,
  viewers: 100,
  stalledViewers: 2,
  stalls: 3,
  stalledSeconds: 4.5,
  medianStartSeconds: 0.8,
  medianLatencySeconds: 2.4,
  errors: { network: 1, media: 0, codec: 4, unsupported: 0 },
};
const NO_ERRORS = { network: 0, media: 0, codec: 0, unsupported: 0 };

test("a few whose picture stood are no reason to worry, many are", () => {
  expect(shareStalled(NOW)).toBe(0.02);
  expect(stateOf(NOW)).toBe("well");
  expect(stateOf({ ...NOW, stalledViewers: 6 })).toBe("stalls");
  expect(stateOf({ ...NOW, errors: { ...NO_ERRORS, network: 11 } })).toBe("errors");
});

test("where nobody tells nothing is known, but errors of who never saw anything are", () => {
  const nobody = { ...NOW, viewers: 0, stalledViewers: 0, errors: NO_ERRORS };
  expect(stateOf(nobody)).toBe("unknown");
  expect(shareStalled(nobody)).toBe(0);
  expect(stateOf({ ...nobody, errors: { ...NO_ERRORS, codec: 1 } })).toBe("errors");
});

test("errors that there were come with the most frequent first", () => {
  expect(errorsOf(NOW)).toEqual([
    { kind: "codec", times: 4 },
    { kind: "network", times: 1 },
  ]);
});
