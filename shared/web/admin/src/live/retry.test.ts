import { expect, test } from "vitest";

import { FIRST, next, POLL_MS } from "./retry";
import type { Outcome, Plan } from "./retry";

const after = (...outcomes: Outcome[]): Plan => outcomes.reduce<Plan>((plan, how) => next(how, plan), FIRST);

test("a stream that ends is asked for again at once", () => {
  expect(after("ended")).toEqual({ waitMs: 250, once: false, failures: 0 });
});

test("failures are waited for longer and longer, up to a bound, until one succeeds", () => {
  const waits = [1, 2, 3, 4, 5, 6, 20].map((times) => after(...Array<Outcome>(times).fill("failed")).waitMs);
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  expect(after("failed", "failed", "ended", "failed").waitMs).toBe(1_000);
  expect(next("failed", FIRST, 30).waitMs).toBe(30_000);
});

test("where no stream comes through it is asked now and then", () => {
  expect(after("mute")).toEqual({ waitMs: 0, once: true, failures: 0 });
  expect(after("mute", "ended")).toEqual({ waitMs: POLL_MS, once: true, failures: 0 });
  expect(after("mute", "failed").once).toBe(true);
  expect(after("mute", "mute").waitMs).toBe(POLL_MS);
});
