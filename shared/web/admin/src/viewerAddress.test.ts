import { expect, test } from "vitest";

import { ApiError } from "@common/api/client";

import { isServed, viewerAddress } from "./viewerAddress";

const HERE = "https://origin.example:8081";

test("the origin, which knows nothing of viewers' pages, is told from an edge", () => {
  expect(isServed(undefined)).toBe(true);
  expect(isServed(new ApiError(404, "not found"))).toBe(false);
});

test("an edge that cannot answer now is not taken for the origin", () => {
  for (const failure of [new ApiError(0, ""), new ApiError(503, ""), new Error("?")]) {
    expect(isServed(failure)).toBeNull();
  }
  expect(isServed(new ApiError(429, ""))).toBe(true);
});

test("viewers are sent to the public address, or to this one where it serves them", () => {
  expect(viewerAddress("https://live.example/", false, HERE)).toBe("https://live.example");
  expect(viewerAddress("https://live.example", true, HERE)).toBe("https://live.example");
  expect(viewerAddress("", true, HERE)).toBe(HERE);
  expect(viewerAddress("", null, HERE)).toBe(HERE);
});

test("nobody is sent to the origin's own address, or to what is no address", () => {
  expect(viewerAddress("", false, HERE)).toBeUndefined();
  expect(viewerAddress("javascript:alert(1)", false, HERE)).toBeUndefined();
});
