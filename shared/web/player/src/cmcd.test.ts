import { expect, test } from "vitest";

import { cmcdConfig } from "./cmcd";

const page = "https://edge.example/embed/video";

test("an own edge is told by headers, another origin by a query, which needs no leave", () => {
  expect(cmcdConfig("/hls/stream.m3u8", page, "s").useHeaders).toBe(true);
  expect(cmcdConfig("https://other.example/hls/stream.m3u8", page, "s").useHeaders).toBe(false);
});

test("nothing names the viewer or what they watch", () => {
  const config = cmcdConfig("/hls/stream.m3u8", page, "s");
  expect(config.sessionId).toBe("s");
  expect(config.contentId).toBeUndefined();
  expect(config.includeKeys).not.toContain("cid");
  expect(config.version).toBe(1);
});
