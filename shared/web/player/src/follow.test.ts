import { expect, test } from "vitest";

import { AT_EDGE, JUMP_AFTER_MS, observe, pausedByViewer } from "./follow";

const behind = { behind: true, paused: false };
const live = { behind: false, paused: false };

test("a viewer who fell behind is taken back to the edge after a moment", () => {
  const first = observe(AT_EDGE, behind, 1_000);
  expect(first.jump).toBe(false);
  expect(observe(first.following, behind, 1_000 + JUMP_AFTER_MS - 1).jump).toBe(false);
  const then = observe(first.following, behind, 1_000 + JUMP_AFTER_MS);
  expect(then).toEqual({ following: AT_EDGE, jump: true });
});

test("catching up in between starts the count anew", () => {
  const first = observe(AT_EDGE, behind, 1_000).following;
  const caught = observe(first, live, 2_000).following;
  expect(observe(caught, behind, 1_000 + JUMP_AFTER_MS).jump).toBe(false);
});

test("a viewer who paused stays behind until back at the edge", () => {
  let following = pausedByViewer(AT_EDGE);
  following = observe(following, { behind: true, paused: true }, 0).following;
  following = observe(following, behind, 10_000).following;
  expect(observe(following, behind, 10_000 + 10 * JUMP_AFTER_MS).jump).toBe(false);
  following = observe(following, live, 60_000).following;
  expect(following.wanted).toBe(true);
});
