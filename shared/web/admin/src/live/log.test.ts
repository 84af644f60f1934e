import { expect, test } from "vitest";

import { grown } from "./log";

const line = (number: number) => ({ time: "", level: "info" as const, message: String(number) });
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => line(from + at));

test("lines that go on are added, others take the place of all", () => {
  expect(grown(lines(0, 2), { goesOn: true, lines: lines(2, 3) })).toEqual(lines(0, 3));
  expect(grown(lines(0, 2), { goesOn: false, lines: lines(7, 8) })).toEqual(lines(7, 8));
});

test("no more are kept than the server keeps", () => {
  expect(grown(lines(0, 500), { goesOn: true, lines: lines(500, 510) })).toEqual(lines(10, 510));
});
