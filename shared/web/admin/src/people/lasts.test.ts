import { expect, test } from "vitest";

import { endOf, LASTS } from "./lasts";

test("a ban ends so long from now, or never", () => {
  const now = Date.parse("2026-03-14T18:30:00Z");
  expect(LASTS.map((lasts) => endOf(lasts, now))).toEqual([
    "2026-03-14T19:30:00.000Z",
    "2026-03-15T18:30:00.000Z",
    "2026-03-21T18:30:00.000Z",
    "2026-04-13T18:30:00.000Z",
    null,
  ]);
});
