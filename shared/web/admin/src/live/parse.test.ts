import { expect, test } from "vitest";

import { EventParser } from "./parse";

const WHOLE =
  'retry: 2000\n\nevent: log\nid: 7-3\ndata: {"a":1}\n\n: here\n\nevent: state\ndata: {"b":\ndata: 2}\n\ndata: x\n\n';

test("events are the same however their text is cut", () => {
  const expected = [
    { name: "log", data: '{"a":1}' },
    { name: "state", data: '{"b":\n2}' },
    { name: "message", data: "x" },
  ];
  for (let length = 1; length <= WHOLE.length; length += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < WHOLE.length; at += length)
      found.push(...parser.push(WHOLE.slice(at, at + length)));
    expect(found).toEqual(expected);
    expect(parser.lastId).toBe("7-3");
  }
});

test("an event that never ends is given up", () => {
  const parser = new EventParser();
  expect(() => parser.push("data: ".padEnd(9_000_000, "x"))).toThrow();
});
