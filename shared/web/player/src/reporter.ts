/**
 * Tells the edge how playback goes, by Common Media Client Data with a ping of its own now and then: requests for media stay
 * the same for everybody, so caches keep them, and a page of another site needs to ask nobody first. Nothing in it names the
 * viewer: `sid` is drawn anew with each view of the page, and kept by the edge for ten minutes as a hash.
 */
import { cmcdText, hundreds, OWN } from "./cmcd";
import type { Engine } from "./engine";
import { Experience } from "./experience";
import type { News } from "./experience";
import { figure } from "./latency";
import type { Fault, Phase } from "./session";

/** Relative to the playlist. */
const PING = "/api/ping";

function newSession(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Media ahead of the picture, in seconds. */
function aheadS({ buffered, currentTime }: HTMLVideoElement): number {
  return buffered.length === 0 ? 0 : Math.max(0, buffered.end(buffered.length - 1) - currentTime);
}

/** Reports to the edge what it is told of a viewer's playback; a report that does not arrive is told with the next. */
export class Reporter {
  private readonly experience = new Experience(performance.now());
  private readonly session = newSession();
  private engine: Engine | undefined;

  /** For the rest of the page's life. `url` gives that of the playlist. */
  constructor(
    private readonly url: () => string,
    private readonly video: HTMLVideoElement,
  ) {
    const look = (): void => {
      if (document.visibilityState === "visible") return;
      this.experience.unseen();
      if (this.experience.hasNews) this.report();
    };
    look();
    document.addEventListener("visibilitychange", look);
  }

  at(phase: Phase): void {
    this.experience.at(phase, performance.now());
  }

  failed(fault: Fault): void {
    this.experience.failed(fault, performance.now());
  }

  /** Regularly; without an engine while nothing is playing. */
  tick(engine: Engine | undefined): void {
    this.engine = engine;
    if (this.experience.isDue(performance.now(), this.video.paused)) this.report();
  }

  private report(): void {
    const news = this.experience.take(performance.now(), Math.random());
    const target = new URL(PING, this.url());
    target.search = `CMCD=${encodeURIComponent(this.text(news))}`;
    // The last one is sent while the page goes.
    fetch(target, { keepalive: true, cache: "no-store", credentials: "omit" }).catch(() => {
      this.experience.putBack(news);
    });
  }

  private text(news: News): string {
    const { engine, video } = this;
    const quality = engine?.qualities[engine.current];
    const latency = engine === undefined || video.paused ? null : figure(engine.latency(Date.now()));
    const orNone = (count: number): number | undefined => (count > 0 ? count : undefined);
    return cmcdText({
      bl: engine === undefined ? undefined : hundreds(aheadS(video) * 1_000),
      br: quality === undefined ? undefined : quality.bitrateBps / 1_000,
      bs: news.stalls > 0,
      mtp: hundreds((engine?.throughputBps ?? Number.NaN) / 1_000),
      // Of no media, but of a live stream by HLS.
      ot: "o",
      sf: "h",
      sid: this.session,
      st: "l",
      [`${OWN}start`]: news.startMs,
      [`${OWN}latency`]: latency?.isEndToEnd === true ? latency.seconds * 1_000 : undefined,
      [`${OWN}stalls`]: news.stalls,
      [`${OWN}stalled`]: orNone(news.stalledMs),
      [`${OWN}errors-network`]: orNone(news.errors.network),
      [`${OWN}errors-media`]: orNone(news.errors.media),
      [`${OWN}errors-codec`]: orNone(news.errors.codec),
      [`${OWN}errors-unsupported`]: orNone(news.errors.unsupported),
    });
  }
}
