import Hls, { ErrorDetails, ErrorTypes } from "hls.js";
import { expect, test } from "vitest";

import { faultOf, hlsConfig, worthRetrying } from "./hls-config";

test("an edge that restarts is asked again, an answer is taken", () => {
  expect([0, 500, 502, 503].map((status) => worthRetrying(0, 3, false, status))).toEqual(Array(4).fill(true));
  expect([400, 404, 410, 429, undefined].map((status) => worthRetrying(0, 3, false, status))).toEqual(
    Array(5).fill(false),
  );
  expect(worthRetrying(0, 3, true, undefined)).toBe(true);
});

test("retries are bounded", () => {
  expect(worthRetrying(3, 3, true, 503)).toBe(false);
  const { fragLoadPolicy } = hlsConfig("worker.js");
  const retry = fragLoadPolicy?.default.errorRetry;
  const response = { url: "", code: 503 };
  expect(retry?.shouldRetry?.(retry, 4, false, response, true)).toBe(false);
  expect(retry?.shouldRetry?.(retry, 3, false, response, false)).toBe(true);
});

test("a missing decoder is told from media that is broken and from a network that fails", () => {
  const { MEDIA_ERROR, NETWORK_ERROR } = ErrorTypes;
  expect(faultOf(MEDIA_ERROR, ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR)).toBe("codec");
  expect(faultOf(MEDIA_ERROR, ErrorDetails.BUFFER_ADD_CODEC_ERROR)).toBe("codec");
  expect(faultOf(MEDIA_ERROR, ErrorDetails.BUFFER_APPEND_ERROR)).toBe("media");
  expect(faultOf(NETWORK_ERROR, ErrorDetails.MANIFEST_LOAD_ERROR)).toBe("network");
});

test("the server's PART-HOLD-BACK decides the target latency", () => {
  const config = hlsConfig("worker.js");
  expect(config).not.toHaveProperty("liveSyncDuration");
  expect(config).not.toHaveProperty("liveSyncDurationCount");
  // Otherwise hls.js and pace.ts set the rate by turns.
  expect(config.maxLiveSyncPlaybackRate).toBe(1);
});

test("hls.js accepts the whole configuration", () => {
  const hls = new Hls(hlsConfig("worker.js"));
  expect(hls.config.lowLatencyMode).toBe(true);
  hls.destroy();
});
