import { expect, test } from "vitest";

import type { Schema } from "@common/api/client";

import { findings } from "./findings";

type State = Schema<"AdminState">;

const edge = (name: string, connected: boolean, lag = 0): Schema<"EdgeState"> => ({
  name,
  connected,
  address: null,
  connectedAt: null,
  seenAt: null,
  version: null,
  viewers: null,
  bitRate: null,
  lag: connected ? lag : null,
});

const rung = (state: Schema<"RungState">["state"]): Schema<"RungState"> => ({
  state,
  encoder: null,
  frameRate: null,
  waitingFrames: 0,
});

const quality = (name: string, videoPassthrough: boolean) =>
  ({ name, videoPassthrough }) as Schema<"CurrentBroadcast">["outputSettings"][number];

const well: State = {
  time: "",
  wasOnAir: true,
  status: {
    online: true,
    broadcaster: {} as Schema<"Broadcaster">,
    currentBroadcast: {
      outputSettings: [quality("source", true), quality("small", false)],
      latencyLevel: { level: 2 },
    },
  } as Schema<"AdminStatus">,
  ingest: { bitRate: 1, speed: 1.004, drift: 0.3 },
  rungs: [rung("passthrough"), rung("running")],
  edges: [edge("a", true)],
  machine: { cpu: 40, memory: 50, disk: 60 },
};
const off = { ...well.status, online: false, broadcaster: null, currentBroadcast: null };

test("nothing is found where all is well, or not measured yet", () => {
  expect(findings(well)).toEqual([]);
  const unknown = { cpu: null, memory: null, disk: null };
  expect(
    findings({ ...well, machine: unknown, ingest: { bitRate: 0, speed: null, drift: 0 }, rungs: [] }),
  ).toEqual([]);
  expect(findings({ ...well, status: off, ingest: null, rungs: [] })).toEqual([]);
});

test("without an edge nobody can watch; one that is away is named", () => {
  expect(findings({ ...well, edges: [] })).toEqual([{ kind: "noEdge" }]);
  expect(findings({ ...well, edges: [edge("a", false)] })).toEqual([{ kind: "noEdge" }]);
  const away = [...well.edges, edge("c", false)];
  expect(findings({ ...well, edges: away })).toEqual([{ kind: "edgesAway", names: ["c"] }]);
});

test("an encoder that sends late, too fast or ever later is told of, with how much", () => {
  const ingest = (speed: number, drift = 0) => findings({ ...well, ingest: { bitRate: 1, speed, drift } });
  expect(ingest(0.88)).toEqual([{ kind: "late", percent: expect.closeTo(12) as number }]);
  expect(ingest(1.05)).toEqual([{ kind: "fast", percent: expect.closeTo(5) as number }]);
  expect(ingest(1, 2.5)).toEqual([{ kind: "drift", seconds: 2.5 }]);
  expect(ingest(0.99, -9)).toEqual([]);
  const gone = { ...well.status, broadcaster: null };
  expect(findings({ ...well, status: gone, ingest: null })).toEqual([{ kind: "encoderAway" }]);
});

test("qualities that fail or fall behind are named, the worse ones first", () => {
  const rungs = [rung("behind"), rung("failed")];
  expect(findings({ ...well, rungs })).toEqual([
    { kind: "failed", names: ["small"] },
    { kind: "slowRungs", names: ["source"] },
  ]);
});

test("an edge that is behind matters while there is something to watch", () => {
  const edges = [edge("a", true), edge("b", true, 3.5)];
  expect(findings({ ...well, edges })).toEqual([{ kind: "edgeLag", name: "b", seconds: 3.5 }]);
  expect(findings({ ...well, status: off, edges })).toEqual([]);
});

test("a busy machine matters while something is encoded, a full one always", () => {
  const machine = (cpu: number, memory = 1, disk = 1) => ({ cpu, memory, disk });
  expect(findings({ ...well, machine: machine(97) })).toEqual([{ kind: "cpu", percent: 97, encoded: 1 }]);
  expect(findings({ ...well, status: off, machine: machine(97) })).toEqual([]);
  const full = findings({ ...well, status: off, machine: machine(97, 95, 92) });
  expect(full.map(({ kind }) => kind)).toEqual(["memory", "disk"]);
});
