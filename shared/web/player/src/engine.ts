/**
 * What plays a broadcast in a video element: hls.js (`hls-engine.ts`) or the browser itself
 * (`native-engine.ts`). An engine lives from one attachment to the next and is never reused.
 */
import type { Latency } from "./latency";
import type { Quality } from "./quality";
import type { Fault } from "./session";

/** What an engine reports. */
export interface EngineEvents {
  /** Media can be shown. */
  ready: () => void;
  /** An error that the engine retries by itself. */
  trouble: () => void;
  /** The engine gave up. */
  fault: (fault: Fault) => void;
  /** The playlist was closed. */
  closed: () => void;
  /** The list of qualities or the one in use changed. */
  qualities: () => void;
  /** Media is asked for at this origin from now on, and there is some. */
  edge: (origin: string) => void;
  /** The edge at this origin is gone; the engine goes on at another one. */
  gone: (origin: string) => void;
}

/** An engine, as the controller and the page use it; it has no `qualities` before it knows them. */
export interface Engine {
  readonly qualities: readonly Quality[];
  /** Index of the quality on show, -1 if unknown. */
  readonly current: number;
  /** Index of the quality that the viewer fixed, -1 for automatic choice. */
  readonly fixed: number;
  fix(index: number): void;
  latency(nowMs: number): Latency;
  /** The latency that playback aims for, in seconds. */
  readonly target: number | null;
  /** Throughput as downloads so far had it, null if unknown. */
  readonly throughputBps: number | null;
  toLiveEdge(): void;
  recoverMedia(): void;
  destroy(): void;
}
