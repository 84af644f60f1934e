import { expect, test } from "vitest";

import { findings } from "./findings";

const edge = (name: string, connected: boolean, revokedAt: string | null = null) => ({
  name,
  connected,
  revokedAt,
});
const well = { online: true, edges: [edge("a", true)], cpu: 40, memory: 50, disk: 60, encoded: 2 };

test("nothing is found where all is well, or not measured yet", () => {
  expect(findings(well)).toEqual([]);
  expect(findings({ ...well, cpu: undefined, memory: undefined, disk: undefined })).toEqual([]);
});

test("without an edge nobody can watch; one that was revoked is none", () => {
  expect(findings({ ...well, edges: [] })).toEqual([{ kind: "noEdge" }]);
  const revoked = edge("b", false, "2026-01-01T00:00:00Z");
  expect(findings({ ...well, edges: [edge("a", false), revoked] })).toEqual([{ kind: "noEdge" }]);
  expect(findings({ ...well, edges: [...well.edges, revoked] })).toEqual([]);
  const away = [...well.edges, edge("c", false)];
  expect(findings({ ...well, edges: away })).toEqual([{ kind: "edgesAway", names: ["c"] }]);
});

test("a busy machine matters while something is encoded, a full one always", () => {
  expect(findings({ ...well, cpu: 97 })).toEqual([{ kind: "cpu", percent: 97, encoded: 2 }]);
  expect(findings({ ...well, online: false, cpu: 97 })).toEqual([]);
  expect(findings({ ...well, online: false, memory: 95, disk: 92 }).map(({ kind }) => kind)).toEqual([
    "memory",
    "disk",
  ]);
});
