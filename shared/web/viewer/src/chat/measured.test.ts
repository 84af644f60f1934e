import { expect, test } from "vitest";

import { Measured } from "./measured";

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ key: String(from + index) }));

test("what was measured is kept while lines come and go, and lines that went are told in pixels", () => {
  const measured = new Measured();
  expect(measured.follow(lines(0, 10))).toBe(0);
  for (let index = 0; index < 10; index += 1) measured.measure(index, 20 + index);
  expect(measured.follow(lines(0, 12))).toBe(0);
  expect(measured.heights.get(9)).toBe(29);
  expect(measured.follow(lines(4, 12))).toBe(20 + 21 + 22 + 23);
  expect(measured.heights.get(0)).toBe(24);
  expect(measured.heights.count).toBe(8);
});

test("a line that moved, and one that was put in between, move nothing at the beginning", () => {
  const measured = new Measured();
  measured.follow(lines(0, 4));
  measured.measure(0, 50);
  expect(measured.follow([{ key: "0" }, { key: "2" }, { key: "new" }, { key: "3" }, { key: "1" }])).toBe(0);
  expect(measured.heights.get(0)).toBe(50);
});

test("another list altogether begins anew", () => {
  const measured = new Measured();
  measured.follow(lines(0, 4));
  expect(measured.follow(lines(100, 102))).toBe(0);
  expect(measured.follow([])).toBe(0);
  expect(measured.heights.total).toBe(0);
});

test("the lines of a range are those in sight and some beyond", () => {
  const measured = new Measured();
  measured.follow(lines(0, 100));
  for (let index = 0; index < 100; index += 1) measured.measure(index, 10);
  expect(measured.range(300, 100, 0)).toEqual({ first: 30, last: 41 });
  expect(measured.range(300, 100, 50)).toEqual({ first: 25, last: 46 });
  expect(measured.range(-40, 100, 50)).toEqual({ first: 0, last: 12 });
  expect(measured.range(950, 100, 50)).toEqual({ first: 90, last: 100 });
});
