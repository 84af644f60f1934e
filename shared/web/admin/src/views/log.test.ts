import { expect, test } from "vitest";

import { filterLog } from "./log";
import type { Line } from "./log";

const lines: Line[] = [
  { time: "1", level: "info", message: "the encoder connected" },
  { time: "2", level: "warning", message: "an Edge is behind" },
  { time: "3", level: "error", message: "the edge is gone" },
];
const times = (found: readonly Line[]): string => found.map(({ time }) => time).join("");

test("lines are found by level and by all words, the newest first", () => {
  expect(times(filterLog(lines, "all", ""))).toBe("321");
  expect(times(filterLog(lines, "warning", "EDGE is"))).toBe("32");
  expect(times(filterLog(lines, "error", " edge  gone "))).toBe("3");
  expect(times(filterLog(lines, "error", "encoder"))).toBe("");
});
