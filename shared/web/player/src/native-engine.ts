/** The engine where Media Source Extensions are missing (older iPhones): the browser plays HLS itself. */
import type { Engine, EngineEvents } from "./engine";
import { wallLatency } from "./latency";
import type { Latency } from "./latency";
import type { Quality } from "./quality";

/** WebKit's addition: the programme date-time of position 0. */
type DatedVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** The seekable range ends about this far ahead of where live playback should be, as WebKit counts it. */
const EDGE_DISTANCE_S = 1;

/**
 * Plays the playlist at `url` by the browser's own HLS, from its making until `destroy`. The browser chooses
 * qualities and tells of none.
 */
export class NativeEngine implements Engine {
  readonly qualities: readonly Quality[] = [];
  readonly current = -1;
  readonly fixed = -1;
  /** What WebKit keeps by itself; beyond it the live button lights. */
  readonly target = 6;
  /** The browser does not tell. */
  readonly throughputBps = null;
  private readonly listening = new AbortController();

  constructor(
    url: string,
    private readonly video: DatedVideo,
    events: EngineEvents,
  ) {
    const { signal } = this.listening;
    video.addEventListener("loadeddata", events.ready, { signal });
    video.addEventListener(
      "loadedmetadata",
      () => {
        // Where it goes on at other edges by itself, by content steering, no browser tells.
        events.edge(new URL(url).origin);
      },
      { signal },
    );
    video.addEventListener(
      "durationchange",
      () => {
        if (Number.isFinite(video.duration)) events.closed();
      },
      { signal },
    );
    video.addEventListener(
      "error",
      () => {
        events.fault("network");
      },
      { signal },
    );
    video.src = url;
    video.load();
  }

  static isSupported(video: HTMLVideoElement): boolean {
    return video.canPlayType("application/vnd.apple.mpegurl") !== "";
  }

  fix(): void {
    // The browser chooses alone.
  }

  latency(nowMs: number): Latency {
    const start = this.video.getStartDate?.().getTime() ?? Number.NaN;
    const playing = new Date(start + this.video.currentTime * 1_000);
    const { seekable } = this.video;
    const edge = seekable.length > 0 ? seekable.end(seekable.length - 1) - this.video.currentTime : null;
    return { wall: wallLatency(nowMs, playing), edge };
  }

  toLiveEdge(): void {
    const { seekable } = this.video;
    if (seekable.length > 0) {
      this.video.currentTime = Math.max(0, seekable.end(seekable.length - 1) - EDGE_DISTANCE_S);
    }
  }

  recoverMedia(): void {
    this.video.load();
  }

  destroy(): void {
    this.listening.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
