import { expect, test } from "vitest";

import { liveState } from "./live";

const said = (isOnline: boolean | undefined, isAnswered = true) => ({ isOnline, isAnswered });

test("the player's word counts before the status, which is older", () => {
  expect(liveState({ ...said(true), phase: "ended" })).toBe("offline");
  expect(liveState({ ...said(true), phase: "offline" })).toBe("offline");
  expect(liveState({ ...said(false), phase: "playing" })).toBe("live");
});

test("a server that does not answer is not called live", () => {
  expect(liveState({ ...said(true, false), phase: "buffering" })).toBe("away");
  expect(liveState({ ...said(true, false), phase: "reconnecting" })).toBe("away");
  expect(liveState({ ...said(true, false), phase: undefined })).toBe("away");
});

test("where the player knows nothing the status counts", () => {
  expect(liveState({ ...said(true), phase: "connecting" })).toBe("live");
  expect(liveState({ ...said(true), phase: "reconnecting" })).toBe("live");
  expect(liveState({ ...said(false), phase: "undecodable" })).toBe("offline");
  expect(liveState({ ...said(undefined), phase: "connecting" })).toBeUndefined();
});
