import { beforeEach, expect, test } from "vitest";

import { APART_MS, baseOf, Edges, readEdges } from "./edges";

const PAGE = "https://fra.example.org";
const PARIS = "https://paris.example.org";
const OSLO = "https://oslo.example.org";

const entry = (id: string, url: string | null) => ({ id, name: id, region: "eu", url, state: "ready" });
const answer = {
  edge: entry("frankfurt-1", PAGE),
  better: null,
  others: [entry("paris-1", PARIS), entry("oslo-1", OSLO)],
};

let edges: Edges;
beforeEach(() => {
  edges = new Edges(PAGE);
  edges.learn(readEdges(answer, "", PAGE));
});

test("the page's own edge is the one without a base, by whatever edge it is named", () => {
  expect(baseOf(`${PAGE}/`, PAGE)).toBe("");
  expect(baseOf(PARIS, PAGE)).toBe(PARIS);
  const { others } = readEdges({ ...answer, others: [entry("frankfurt-1", PAGE)] }, PARIS, PAGE);
  expect(others.map(({ base }) => base)).toEqual([""]);
});

test("what another server says is read with care", () => {
  const given = [null, 7, {}, entry("", PARIS), entry("a", null), entry("b", "javascript:alert(1)")];
  // A secure page may not call this one.
  const others = [...given, entry("c", "http://c.example.org"), entry("d", "https://d.example.org/x?y")];
  expect(readEdges({ edge: "x", better: 3, others }, "", PAGE)).toEqual({
    edge: undefined,
    better: undefined,
    others: [{ id: "d", name: "d", region: "eu", base: "https://d.example.org" }],
  });
  for (const bad of [null, undefined, "x", [], { others: "none" }, { others: { length: 2 } }]) {
    expect(readEdges(bad, "", PAGE).others).toEqual([]);
  }
  const many = Array.from({ length: 50 }, (_, index) => entry(`e${index}`, `https://e${index}.example.org`));
  expect(readEdges({ others: many }, "", PAGE).others).toHaveLength(5);
});

test("where media comes from, calls go", () => {
  expect([edges.current.value, edges.serving.value?.name]).toEqual(["", "frankfurt-1"]);
  edges.playsAt(PARIS);
  expect([edges.current.value, edges.serving.value?.name]).toEqual([PARIS, "paris-1"]);
  expect(edges.moved(`${PAGE}/hls/stream.m3u8?a=1`)).toBe(`${PARIS}/hls/stream.m3u8?a=1`);
  expect(edges.moved("https://elsewhere.example/x.m3u8")).toBe("https://elsewhere.example/x.m3u8");
  edges.playsAt("https://not.named.example.org");
  expect(edges.serving.value).toBeUndefined();
});

test("an edge that died is left for where media comes from, by who does not play", () => {
  edges.playsAt(OSLO);
  edges.plays(true);
  expect(edges.failed("", 0)).toBe(OSLO);
  expect(edges.current.value).toBe(OSLO);
});

test("what the player finds to be gone is told, also twice, and not gone to", () => {
  const told: unknown[] = [];
  edges.gone.subscribe((gone) => told.push(gone?.base));
  edges.lost(PARIS, 0);
  edges.lost(PARIS, 1);
  expect(told).toEqual([undefined, PARIS, PARIS]);
  expect(edges.failed("", 2)).toBe(OSLO);
});

test("who cannot use the edge that plays goes elsewhere alone", () => {
  edges.playsAt(PAGE);
  edges.plays(true);
  expect(edges.failed("", 0)).toBe(PARIS);
  expect(edges.current.value).toBe("");
  // Until nothing comes any more.
  edges.plays(false);
  edges.left(`${PAGE}/hls/stream.m3u8`, 1);
  expect(edges.current.value).toBe(PARIS);
});

test("without a player the page goes on at the next one, and stays there when the first is back", () => {
  expect(edges.failed("", 0)).toBe(PARIS);
  expect(edges.current.value).toBe(PARIS);
  edges.learn(
    readEdges(
      { ...answer, edge: entry("paris-1", PARIS), others: [entry("frankfurt-1", PAGE)] },
      PARIS,
      PAGE,
    ),
  );
  expect(edges.current.value).toBe(PARIS);
  // A late failure of the first changes nothing.
  expect(edges.failed("", 1)).toBe(PARIS);
  expect(edges.current.value).toBe(PARIS);
});

test("an edge that failed is not tried again at once", () => {
  const tried = [0, 1_000, 2_000, 3_000, 4_000].map((ms) => edges.failed(edges.current.value, ms));
  expect(tried).toEqual([PARIS, OSLO, OSLO, OSLO, OSLO]);
  edges.playsAt(PAGE);
  expect(edges.failed("", 5_000)).toBe("");
});

test("when all are dead they are tried in turn, the page's own first, for ever", () => {
  const tried: string[] = [];
  for (let ms = 0; ms < 6 * APART_MS; ms += 2_000) {
    const next = edges.failed(edges.current.value, ms);
    if (next !== tried.at(-1)) tried.push(next);
  }
  expect(tried.slice(0, 4)).toEqual([PARIS, OSLO, "", PARIS]);
  // No edge is tried more often than once in ten seconds.
  expect(tried.filter((one) => one === "").length).toBeLessThanOrEqual(6);
  expect(new Set(tried)).toEqual(new Set(["", PARIS, OSLO]));
});

test("who knows no other edge goes on trying the same", () => {
  const alone = new Edges(PAGE);
  expect([alone.failed("", 0), alone.failed("", 20_000), alone.current.value]).toEqual(["", "", ""]);
});
