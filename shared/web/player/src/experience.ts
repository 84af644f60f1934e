/**
 * How playback goes for this viewer, as a plain state machine: how long the start took, how often and for how long the picture
 * stood for want of media, which errors there were, and when to tell the edge. `reporter.ts` tells it.
 */
import { BUFFERING_AFTER_MS } from "./session";
import type { Fault, Phase } from "./session";

/** Which errors are counted: those for which engines gave up, and browsers that play no live streams. */
export type ErrorKind = Fault | "unsupported";

/** What is new since the last report. */
export interface News {
  /** From the opening of the page, or from the beginning of the broadcast for who waited, to what can be shown. */
  readonly startMs: number | undefined;
  readonly stalls: number;
  readonly stalledMs: number;
  readonly errors: Readonly<Record<ErrorKind, number>>;
}

/** The first report comes so long after the start: by then the latency is what it is going to be. */
export const FIRST_AFTER_MS = 5_000;
/** Reports of who watches, with `JITTER` so that viewers who came together do not report together. */
export const EVERY_MS = 30_000;
const JITTER = 0.15;
/** A picture that stands so long is told of while it still stands. */
const LONG_STALL_MS = 5_000;
/** Edges believe no larger counts. */
const MOST = 100;

const NO_ERRORS: Readonly<Record<ErrorKind, number>> = { network: 0, media: 0, codec: 0, unsupported: 0 };

/** Times are milliseconds that never go back. */
export class Experience {
  private phase: Phase | undefined;
  /** Since when something is waited for that would be shown at once; undefined while nothing is, or once it was shown. */
  private startFromMs: number | undefined;
  private startMs: number | undefined;
  /** Since when the picture stands, as far as it was not told yet. */
  private stallFromMs: number | undefined;
  private stallIsCounted = false;
  private stalls = 0;
  private stalledMs = 0;
  private errors = { ...NO_ERRORS };
  private dueAtMs: number | undefined;

  constructor(openedAtMs: number) {
    this.startFromMs = openedAtMs;
  }

  /** The session is at a phase. */
  at(phase: Phase, nowMs: number): void {
    const before = this.phase;
    this.phase = phase;
    switch (phase) {
      case "connecting":
        if (before !== undefined && before !== phase) this.startFromMs = nowMs;
        this.dropStall();
        break;
      case "playing":
        this.finishStart(nowMs);
        this.finishStall(nowMs);
        this.dueAtMs ??= nowMs + FIRST_AFTER_MS;
        break;
      case "buffering":
        this.stallFromMs ??= nowMs - BUFFERING_AFTER_MS;
        break;
      case "reconnecting":
        this.stallFromMs ??= nowMs;
        break;
      case "unsupported":
        this.failed("unsupported", nowMs);
        break;
      // A picture that stood because the broadcast was over did not stand for want of media.
      case "ended":
      case "offline":
      case "forbidden":
      case "full":
      case "undecodable":
        this.startFromMs = undefined;
        this.dropStall();
        break;
    }
  }

  failed(kind: ErrorKind, nowMs: number): void {
    this.errors[kind] = Math.min(this.errors[kind] + 1, MOST);
    this.dueAtMs ??= nowMs + FIRST_AFTER_MS;
  }

  /** Nobody looks: how long it takes to start says nothing then. */
  unseen(): void {
    this.startFromMs = undefined;
  }

  get hasNews(): boolean {
    return (
      this.startMs !== undefined || this.stalls > 0 || Object.values(this.errors).some((count) => count > 0)
    );
  }

  /** Whether it is time for a report. Who paused tells only what is new. */
  isDue(nowMs: number, isPaused: boolean): boolean {
    if (this.dueAtMs === undefined || nowMs < this.dueAtMs) return false;
    const isWatching = ["playing", "buffering", "reconnecting"].includes(this.phase ?? "");
    return this.hasNews || (isWatching && !isPaused);
  }

  /** What is new, for a report; it is not new any more. `random` is from 0 to 1. */
  take(nowMs: number, random: number): News {
    this.tellLongStall(nowMs);
    const { startMs, stalls, stalledMs, errors } = this;
    this.startMs = undefined;
    this.stalls = 0;
    this.stalledMs = 0;
    this.errors = { ...NO_ERRORS };
    this.dueAtMs = nowMs + EVERY_MS * (1 + JITTER * (2 * random - 1));
    return { startMs, stalls, stalledMs, errors };
  }

  /** A report did not arrive: the next one tells it. */
  putBack(news: News): void {
    this.startMs ??= news.startMs;
    this.stalls = Math.min(this.stalls + news.stalls, MOST);
    this.stalledMs += news.stalledMs;
    for (const kind of Object.keys(NO_ERRORS) as ErrorKind[]) {
      this.errors[kind] = Math.min(this.errors[kind] + news.errors[kind], MOST);
    }
  }

  private finishStart(nowMs: number): void {
    if (this.startFromMs === undefined) return;
    this.startMs = nowMs - this.startFromMs;
    this.startFromMs = undefined;
    this.dueAtMs = nowMs + FIRST_AFTER_MS;
  }

  private finishStall(nowMs: number): void {
    if (this.stallFromMs !== undefined) this.countStall(nowMs);
    this.dropStall();
  }

  private tellLongStall(nowMs: number): void {
    if (this.stallFromMs === undefined || nowMs - this.stallFromMs < LONG_STALL_MS) return;
    this.countStall(nowMs);
    this.stallFromMs = nowMs;
    this.stallIsCounted = true;
  }

  private countStall(nowMs: number): void {
    if (!this.stallIsCounted) this.stalls = Math.min(this.stalls + 1, MOST);
    this.stalledMs += nowMs - (this.stallFromMs ?? nowMs);
  }

  private dropStall(): void {
    this.stallFromMs = undefined;
    this.stallIsCounted = false;
  }
}
