import { expect, test } from "vitest";

import type { Schema } from "@common/api/client";

import { distanceOf, lagMsOf, partsOf, shareOf, standingOf, whyOf } from "./routing";

const ROUTING: Schema<"EdgeRouting"> = {
  state: "ready",
  level: "light",
  version: "0.1.0",
  region: "eu-central",
  coordinates: null,
  urls: [],
  addresses: [],
  capacity: { connections: null, egressBps: null },
  load: { viewers: 0, connections: 0, egressBps: 0 },
  channels: {},
};
const EDGE: Schema<"Edge"> = {
  name: "frankfurt-1",
  enrolledAt: "2026-03-15T06:00:00Z",
  expiresAt: "2026-03-15T06:00:00Z",
  joinToken: "first",
  connected: true,
  address: null,
  connectedAt: null,
  seenAt: null,
  revokedAt: null,
  displayName: "Frankfurt",
  drained: false,
  routing: ROUTING,
};
const PLACE: Schema<"EdgePlace"> = {
  edge: "frankfurt-1",
  faults: [],
  total: 10,
  cost: {},
  distance: "edgeUnknown",
  level: "light",
  health: "good",
  lagMs: null,
  viewers: 0,
  weight: 1,
  draw: 0,
  url: null,
};

test("an edge's standing is what it announces, but for what operators ordered", () => {
  const lost = { ...ROUTING, state: "lost" as const };
  expect(standingOf(EDGE)).toBe("ready");
  expect(standingOf({ ...EDGE, drained: true })).toBe("draining");
  expect(standingOf({ ...EDGE, drained: true, routing: lost })).toBe("lost");
  expect(standingOf({ ...EDGE, routing: null })).toBe("connected");
  expect(standingOf({ ...EDGE, routing: null, connected: false })).toBe("away");
  expect(standingOf({ ...EDGE, revokedAt: "2026-03-15T06:00:00Z" })).toBe("out");
});

test("a share needs a capacity, and is never more than all", () => {
  expect([shareOf(50, 200), shareOf(300, 200), shareOf(1, null), shareOf(1, 0)]).toEqual([
    0.25,
    1,
    null,
    null,
  ]);
});

test("the lag is that of the broadcast that is farthest behind", () => {
  const of = (lagMs: number) => ({ lagMs, viewers: 0 });
  expect(lagMsOf(ROUTING)).toBeNull();
  expect(lagMsOf({ ...ROUTING, channels: { a: of(40), b: of(900) } })).toBe(900);
});

test("distances are read, those of other kinds are not", () => {
  expect(distanceOf({ kilometres: 300 })).toEqual({ kind: "kilometres", value: 300 });
  expect(distanceOf({ measuredMs: 12 })).toEqual({ kind: "measuredMs", value: 12 });
  expect(distanceOf("viewerUnknown")).toEqual({ kind: "viewerUnknown" });
  for (const other of [null, 3, "far", {}, { kilometres: "300" }]) expect(distanceOf(other)).toBeUndefined();
});

test("a cost is told by its parts, the greatest first", () => {
  expect(partsOf({ distance: 10, load: 15, cold: 0 })).toEqual([
    ["load", 15],
    ["distance", 10],
  ]);
});

test("what decided between two edges is told", () => {
  const faulty = { ...PLACE, faults: ["draining"] };
  expect(whyOf(PLACE, undefined)).toBe("best");
  expect(whyOf(faulty, undefined)).toBe("fault");
  expect(whyOf(faulty, PLACE)).toBe("fault");
  expect(whyOf({ ...PLACE, total: 20 }, PLACE)).toBe("cost");
  expect(whyOf(PLACE, PLACE)).toBe("draw");
  expect(whyOf({ ...faulty, total: 20 }, faulty)).toBe("cost");
});
