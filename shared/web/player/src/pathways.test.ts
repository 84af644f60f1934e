import { ErrorDetails } from "hls.js";
import { expect, test } from "vitest";

import { APART_MS, DISTRUSTED_MS, isGone, Pathways, steeringAddress } from "./pathways";

const ALL = ["a", "b", "c"];
const HOME = { id: "a", origin: "https://a.example.org" };
const MANIFEST = `${HOME.origin}/hls/steering.json`;

test("no answer means that an edge is gone; an answer that there is nothing newer does not", () => {
  const { LEVEL_LOAD_ERROR, LEVEL_LOAD_TIMEOUT, FRAG_LOAD_ERROR, FRAG_LOAD_TIMEOUT } = ErrorDetails;
  const gone = (details: ErrorDetails) =>
    [0, 404, 410, 500, 502, 503, 504].filter((one) => isGone(details, one));
  expect(gone(LEVEL_LOAD_ERROR)).toEqual([0, 404, 410, 502, 504]);
  expect(gone(FRAG_LOAD_ERROR)).toEqual([0, 502, 504]);
  for (const other of [
    LEVEL_LOAD_TIMEOUT,
    FRAG_LOAD_TIMEOUT,
    ErrorDetails.FRAG_GAP,
    ErrorDetails.BUFFER_STALLED_ERROR,
    ErrorDetails.LEVEL_PARSING_ERROR,
  ]) {
    expect(isGone(other, 0) || isGone(other, undefined), other).toBe(false);
  }
});

test("an edge that failed is not gone back to for ten seconds", () => {
  const paths = new Pathways();
  paths.failed("a", 0);
  expect(paths.next(ALL, "a", 0)).toBe("b");
  paths.failed("b", 100);
  expect(paths.next(ALL, "b", 100)).toBe("c");
  paths.failed("c", 200);
  expect(paths.next(ALL, "c", 200)).toBeUndefined();
  expect(paths.next(ALL, "c", APART_MS - 1)).toBeUndefined();
  expect(paths.next(ALL, "c", APART_MS)).toBe("a");
  expect(new Pathways().next(["a"], "a", 0)).toBeUndefined();
});

test("the server's word holds, but not for an edge that just failed", () => {
  const paths = new Pathways();
  expect(paths.ordered(["b", "a"], "a", 0)).toEqual(["b", "a"]);
  paths.failed("a", 0);
  expect(paths.ordered(["a", "b", "c"], "b", DISTRUSTED_MS - 1)).toEqual(["b", "c", "a"]);
  expect(paths.ordered(["a", "b", "c"], "b", DISTRUSTED_MS)).toEqual(["a", "b", "c"]);
});

test("the server's word moves nobody twice in ten seconds, but away from where it names no more", () => {
  const paths = new Pathways();
  paths.moved(0);
  expect(paths.ordered(["a", "b"], "b", APART_MS - 1)).toEqual(["b", "a"]);
  expect(paths.ordered(["a", "b"], "b", APART_MS)).toEqual(["a", "b"]);
  expect(paths.ordered(["a", "c"], "b", 1)).toEqual(["a", "c"]);
});

test("the steering manifest is asked for at the edge of now, which is told the base of its clones", () => {
  const there = new URL(steeringAddress(`${MANIFEST}?x=1`, "https://b.example.org:8443", HOME, "a:12,b:30"));
  expect([there.origin, there.pathname]).toEqual(["https://b.example.org:8443", "/hls/steering.json"]);
  expect(Object.fromEntries(there.searchParams)).toEqual({
    x: "1",
    base: "a",
    at: HOME.origin,
    measured: "a:12,b:30",
  });
  // Back at home, and by an address that another edge made.
  expect(steeringAddress(there.href, HOME.origin, HOME, "")).toBe(`${MANIFEST}?x=1`);
  expect(steeringAddress("data:application/json,{}", HOME.origin, HOME, "a:1")).toBe(
    "data:application/json,{}",
  );
});
