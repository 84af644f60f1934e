import { expect, test } from "vitest";

import { FIRST_VISIT, recall, remember, stepped } from "./sound";

function store(initial?: string) {
  let text = initial ?? null;
  return {
    getItem: () => text,
    setItem: (_: string, value: string) => {
      text = value;
    },
  };
}

test("the sound is as it was left", () => {
  const kept = store();
  remember(kept, { volume: 0.4, muted: false });
  expect(recall(kept)).toEqual({ volume: 0.4, muted: false });
});

test("what cannot be read counts as a first visit", () => {
  const forbidden = {
    getItem: () => {
      throw new Error("forbidden");
    },
    setItem: () => {
      throw new Error("forbidden");
    },
  };
  expect(recall(undefined)).toEqual(FIRST_VISIT);
  expect(recall(forbidden)).toEqual(FIRST_VISIT);
  remember(forbidden, FIRST_VISIT);
  for (const text of ["", "{", "7", "null", '{"volume":2}', '{"volume":"loud"}', '{"volume":null}']) {
    expect(recall(store(text)), text).toEqual(FIRST_VISIT);
  }
});

test("the volume moves in tenths and stays in range", () => {
  expect(stepped(0.5, 1)).toBe(0.6);
  expect(stepped(0.7, 1)).toBe(0.8);
  expect(stepped(0.05, -1)).toBe(0);
  expect(stepped(1, 1)).toBe(1);
});
