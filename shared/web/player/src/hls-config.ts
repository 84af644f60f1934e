/**
 * hls.js for low latency that stays low, and for edges that restart.
 *
 * The target latency is left to the server's PART-HOLD-BACK (RFC 8216bis §4.4.3.8): neither liveSyncDuration nor
 * liveSyncDurationCount may be set here, since either overrides it.
 */
import { ErrorDetails, ErrorTypes } from "hls.js";
import type { HlsConfig, LoaderConfig, RetryConfig } from "hls.js";

import { captionTimeline } from "./caption-timeline";
import { loaderWith } from "./given";
import type { Fault } from "./session";
import type { Steering } from "./steering";

/** Tried again: failures of the server, answers that never came, and connections refused by an edge that restarts
 * (status 0, which hls.js by itself takes for final). Not tried again: 4xx, which are answers. */
export function worthRetrying(
  count: number,
  max: number,
  timedOut: boolean,
  status: number | undefined,
): boolean {
  return count < max && (timedOut || status === 0 || (status !== undefined && status >= 500));
}

/** Errors that say that the browser lacks a decoder. */
const CODEC_ERRORS: readonly ErrorDetails[] = [
  ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_ADD_CODEC_ERROR,
];

/** What a fatal error of hls.js means. */
export function faultOf(type: ErrorTypes, details: ErrorDetails): Fault {
  if (CODEC_ERRORS.includes(details)) return "codec";
  return type === ErrorTypes.MEDIA_ERROR ? "media" : "network";
}

/** This many target durations behind (a pause, a sleeping laptop), playback jumps back to the live edge by itself.
 * Set on a finished configuration: hls.js takes it from a caller only together with liveSyncDurationCount. */
export const JUMP_BEHIND_TARGET_DURATIONS = 6;

/** Played media is removed once there is so much of it, up to so long behind the picture; in seconds. Nothing on the page
 * seeks back, and a day's viewing must not fill memory. */
export const BACK_BUFFER = { most: 60, kept: 20 };

function retries(maxNumRetry: number, retryDelayMs: number, maxRetryDelayMs: number): RetryConfig {
  return {
    maxNumRetry,
    retryDelayMs,
    maxRetryDelayMs,
    backoff: "exponential",
    shouldRetry: (config, count, timedOut, response) =>
      worthRetrying(count, config?.maxNumRetry ?? 0, timedOut, response?.code),
  };
}

function policy(
  maxTimeToFirstByteMs: number,
  maxLoadTimeMs: number,
  retry: RetryConfig,
): { default: LoaderConfig } {
  return { default: { maxTimeToFirstByteMs, maxLoadTimeMs, timeoutRetry: retry, errorRetry: retry } };
}

/** `multivariant` is that playlist where it was read already; `steering` goes on at another edge. */
export function hlsConfig(
  workerPath: string,
  multivariant?: string,
  steering?: Steering,
): Partial<HlsConfig> {
  return {
    ...(multivariant === undefined ? {} : { pLoader: loaderWith(multivariant) }),
    ...(steering === undefined ? {} : { contentSteeringController: steering.controller }),
    workerPath,
    timelineController: captionTimeline,
    // Their tracks are made by caption-tracks.ts.
    renderTextTracksNatively: false,
    lowLatencyMode: true,
    // A stall costs 0.2 s of latency instead of hls.js's whole second.
    liveSyncOnStallIncrease: 0.2,
    // The engine sets the rate itself (pace.ts): hls.js never slows down.
    maxLiveSyncPlaybackRate: 1,
    liveDurationInfinity: true,
    // hls.js would remove played media every two seconds. If that falls between a part's download and its append, hls.js
    // 1.7 forgets the segment's earlier parts and loads nothing until they leave the playlist: five seconds without a picture.
    // The engine removes it instead, rarely and between parts.
    backBufferLength: Infinity,
    maxBufferLength: 20,
    // Begin near the middle of a usual ladder, without loading a fragment only to measure.
    abrEwmaDefaultEstimate: 2_000_000,
    testBandwidth: false,
    // A quality that failed (an edge that dropped it for a while) is tried again later.
    errorPenaltyExpireMs: 10_000,
    // Parts: gone soon or not at all. Together under five seconds, then the session asks the edge anew.
    fragLoadPolicy: policy(8_000, 20_000, retries(4, 250, 2_000)),
    // An edge holds a blocking reload for up to three target durations (18 s at most) and then answers 503.
    playlistLoadPolicy: policy(20_000, 25_000, retries(4, 500, 2_000)),
    manifestLoadPolicy: policy(15_000, 20_000, retries(2, 500, 2_000)),
  };
}
