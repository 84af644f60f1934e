/** Sets the rate of a video element as pace.ts says. */
import { holdS, rate } from "./pace";
import type { Distance } from "./pace";

/**
 * Paces a video element until `destroy`: sets its rate with each `tick`, and holds its picture where pace.ts says so.
 */
export class Pacer {
  private readonly listening = new AbortController();
  private holding: number | undefined;

  constructor(
    private readonly video: HTMLVideoElement,
    /** Undefined while there is no live edge to keep a distance from. */
    private readonly distance: () => Distance | undefined,
  ) {
    const { signal } = this.listening;
    video.addEventListener(
      "playing",
      () => {
        this.hold();
      },
      { signal },
    );
    video.addEventListener(
      "seeking",
      () => {
        this.release();
      },
      { signal },
    );
  }

  /** To be called a few times a second. */
  tick(): void {
    if (this.holding !== undefined) return;
    const distance = this.distance();
    this.set(distance === undefined ? 1 : rate(distance, this.video.playbackRate));
  }

  destroy(): void {
    this.listening.abort();
    this.release();
  }

  /** A rate of 0 and not a pause, which would be the viewer's. */
  private hold(): void {
    const distance = this.distance();
    const seconds = distance === undefined ? 0 : holdS(distance);
    if (seconds === 0) return;
    window.clearTimeout(this.holding);
    this.set(0);
    this.holding = window.setTimeout(() => {
      this.release();
    }, seconds * 1_000);
  }

  private release(): void {
    window.clearTimeout(this.holding);
    this.holding = undefined;
    this.set(1);
  }

  private set(playbackRate: number): void {
    if (this.video.playbackRate !== playbackRate) this.video.playbackRate = playbackRate;
  }
}
