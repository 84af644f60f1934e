/** The usual engine: hls.js in its low-latency mode. */
import Hls, { ErrorDetails, ErrorTypes, Events } from "hls.js";
import type { Level, LevelDetails } from "hls.js";
import workerPath from "hls.js/dist/hls.worker.js?url";

import { CaptionTracks } from "./caption-tracks";
import { endOfHoles, isComplete } from "./ending";
import type { Engine, EngineEvents } from "./engine";
import { BACK_BUFFER, faultOf, hlsConfig, JUMP_BEHIND_TARGET_DURATIONS } from "./hls-config";
import { wallLatency } from "./latency";
import type { Latency } from "./latency";
import type { Distance } from "./pace";
import { Pacer } from "./pacer";
import { skipEarlier } from "./parts";
import { firstQuality } from "./quality";
import type { Quality } from "./quality";
import { isOdd, isReady } from "./silence";
import { Steering } from "./steering";
import { fails, observe } from "./supply";

const TICK_MS = 100;
/** Of hls.js's stream controller: nothing is being downloaded, appended, retried or waited for. */
const IDLE = "IDLE";
/** A seek lands so far behind what is buffered, because the end of a buffer is known only to the microsecond. */
const PAST_BUFFER_S = 0.02;

/** Captions in the picture have no name of their own, only one of four places: `CC1` to `CC4`. */
function captionName(track: string): string {
  return track.replace("textTrack", "CC");
}

function quality(level: Level): Quality {
  return {
    name: level.name === "" ? undefined : level.name,
    height: level.height,
    bitrateBps: level.bitrate,
  };
}

/**
 * Plays the playlist at `url` by hls.js, from its making until `destroy`. `multivariant` is the text of that playlist
 * where it was read already; `measured` gives round trips to edges for content steering, as `id:ms,…`.
 */
export class HlsEngine implements Engine {
  readonly hls: Hls;
  private readonly pacer: Pacer;
  private readonly timer: number;
  private starvingSinceMs: number | undefined;
  private buffers: readonly SourceBuffer[] = [];
  /** Discontinuity sequence number of the media that was loaded last. */
  private continuity: number | undefined;
  /** The playlist, once it is closed. */
  private closed: LevelDetails | undefined;
  private readonly steering: Steering;
  /** When the edge last sent something, and when it was last asked whether it is there. */
  private heardAtMs = performance.now();
  private askedAtMs = -Infinity;
  /** Origin of the edge that last sent a playlist. */
  private edge: string | undefined;
  private isDestroyed = false;

  constructor(
    url: string,
    private readonly video: HTMLVideoElement,
    events: EngineEvents,
    multivariant?: string,
    measured: () => string = () => "",
  ) {
    this.steering = new Steering({ measured, gone: events.gone });
    const hls = new Hls(hlsConfig(workerPath, multivariant, this.steering));
    this.hls = hls;
    hls.config.liveMaxLatencyDurationCount = JUMP_BEHIND_TARGET_DURATIONS;
    hls.on(Events.BUFFER_CREATED, (_, { tracks }) => {
      this.buffers = Object.values(tracks).map(({ buffer }) => buffer);
    });
    hls.on(Events.MEDIA_DETACHING, () => {
      this.buffers = [];
    });
    hls.on(Events.FRAG_LOADING, (_, { frag, part }) => {
      if (frag.sn !== "initSegment") this.enter(frag.cc);
      const parts = hls.levels[frag.level]?.details?.partList;
      if (part && parts) skipEarlier(parts, part);
    });
    hls.on(Events.FRAG_BUFFERED, () => {
      events.ready();
      this.removePlayed();
      this.finish();
    });
    hls.on(Events.MANIFEST_PARSED, () => {
      // A choice of the viewer, which comes with the event, replaces it.
      hls.startLevel = firstQuality(this.qualities, hls.bandwidthEstimate);
      events.qualities();
    });
    hls.on(Events.LEVEL_LOADED, () => {
      this.heardAtMs = performance.now();
      const { edge } = this.steering;
      if (edge === undefined || edge === this.edge) return;
      this.edge = edge;
      events.edge(edge);
    });
    hls.on(Events.FRAG_LOADED, () => {
      this.heardAtMs = performance.now();
    });
    hls.on(Events.LEVELS_UPDATED, events.qualities);
    hls.on(Events.LEVEL_SWITCHED, events.qualities);
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      if (details.live) return;
      this.closed = details;
      this.finish();
      events.closed();
    });
    const captions = new CaptionTracks(video, captionName);
    hls.on(Events.CUES_PARSED, (_, { type, track, cues }) => {
      if (type === "captions") captions.add(track, cues as VTTCue[]);
    });
    hls.on(Events.ERROR, (_, { fatal, type, details }) => {
      if (fatal) events.fault(faultOf(type, details));
      else if (type === ErrorTypes.NETWORK_ERROR && details !== ErrorDetails.FRAG_GAP) events.trouble();
    });
    hls.loadSource(url);
    hls.attachMedia(video);
    this.pacer = new Pacer(video, () => this.distance());
    this.timer = window.setInterval(() => {
      this.tick();
    }, TICK_MS);
  }

  private tick(): void {
    this.pacer.tick();
    if (this.closed !== undefined) {
      this.finish();
      return;
    }
    this.watchSupply();
    this.watchEdge();
  }

  /** Leaves an edge that is silent because it is gone, or has lost its origin; see silence.ts. */
  private watchEdge(): void {
    const { edge, next } = this.steering;
    const nowMs = performance.now();
    const details = this.hls.latestLevelDetails;
    if (edge === undefined || next === undefined || details === null) return;
    const apartS = details.partTarget > 0 ? details.partTarget : details.targetduration;
    if (!isOdd(this.heardAtMs, this.askedAtMs, nowMs, apartS)) return;
    this.askedAtMs = nowMs;
    void Promise.all([isReady(edge), isReady(next)]).then(([isThere, isNextThere]) => {
      const isSilent = this.heardAtMs < nowMs && this.steering.edge === edge;
      if (isThere || !isNextThere || !isSilent || this.isDestroyed) return;
      if (this.steering.leave()) this.dropRequest();
    });
  }

  /** What is asked of an edge that is gone would hold up the next one until its timeout. */
  private dropRequest(): void {
    const { frag } = this.hls.inFlightFragments.main;
    if (frag === null) return;
    const { stats } = frag;
    frag.abortRequests();
    this.hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part: null, stats });
  }

  private distance(): Distance | undefined {
    const { targetLatency, latestLevelDetails: details } = this.hls;
    if (targetLatency === null || details === null || this.closed !== undefined) return undefined;
    const { currentTime } = this.video;
    return {
      lateS: details.edge + details.age - currentTime - targetLatency,
      stockS: this.bufferEnd - currentTime,
    };
  }

  /** The playhead where nothing is buffered. */
  private get bufferEnd(): number {
    const { buffered, currentTime } = this.video;
    return buffered.length === 0 ? currentTime : Math.max(currentTime, buffered.end(buffered.length - 1));
  }

  private watchSupply(): void {
    const { video, hls } = this;
    const details = hls.latestLevelDetails;
    if (details === null || video.buffered.length === 0) return;
    const end = this.bufferEnd;
    const failing = fails(
      {
        loading: hls.inFlightFragments.main.state !== IDLE,
        wanted: !video.paused && !video.seeking,
        stockS: end - video.currentTime,
        announcedS: details.edge - end,
      },
      details.partTarget,
    );
    const { sinceMs, seek } = observe(this.starvingSinceMs, failing, performance.now());
    this.starvingSinceMs = sinceMs;
    if (seek) video.currentTime = Math.max(end + PAST_BUFFER_S, hls.liveSyncPosition ?? 0);
  }

  /**
   * Media of another continuity comes. Where its sound begins more than two frames after the old one's end, a browser
   * begins all tracks anew at that sound and drops pictures up to the next key frame (Media Source Extensions,
   * coded frame processing); if the key frame came just before that sound, two seconds of pictures are missing. A reset
   * parser compares nothing with what came before.
   */
  private enter(continuity: number): void {
    const changed = this.continuity !== undefined && this.continuity !== continuity;
    this.continuity = continuity;
    if (!changed) return;
    for (const buffer of this.buffers) if (!buffer.updating) buffer.abort();
  }

  /** Right after an append, because no other is under way then. */
  private removePlayed(): void {
    const { buffered, currentTime } = this.video;
    if (buffered.length === 0 || currentTime - buffered.start(0) < BACK_BUFFER.most) return;
    this.remove(currentTime - BACK_BUFFER.kept);
  }

  /** Brings a closed playlist to its end; see ending.ts. */
  private finish(): void {
    const { closed, video } = this;
    if (closed === undefined) return;
    closed.live = !isComplete(closed.partList, video.buffered);
    // Without an age hls.js does not wait for an update that will not come.
    if (closed.live) delete closed.advancedDateTime;
    const endOffset = closed.live ? undefined : endOfHoles(video.buffered, video.currentTime);
    if (endOffset !== undefined) this.remove(endOffset);
  }

  private remove(endOffset: number): void {
    this.hls.trigger(Events.BUFFER_FLUSHING, { startOffset: 0, endOffset, type: null });
  }

  static isSupported(): boolean {
    return Hls.isSupported();
  }

  get qualities(): readonly Quality[] {
    return this.hls.levels.map(quality);
  }

  get current(): number {
    return this.hls.currentLevel;
  }

  get fixed(): number {
    return this.hls.autoLevelEnabled ? -1 : this.hls.manualLevel;
  }

  fix(index: number): void {
    this.hls.nextLevel = index;
  }

  latency(nowMs: number): Latency {
    const edge = this.hls.latency;
    return { wall: wallLatency(nowMs, this.hls.playingDate), edge: edge > 0 ? edge : null };
  }

  get target(): number | null {
    return this.hls.targetLatency;
  }

  get throughputBps(): number | null {
    const { bandwidthEstimate } = this.hls;
    return Number.isFinite(bandwidthEstimate) ? bandwidthEstimate : null;
  }

  toLiveEdge(): void {
    const position = this.hls.liveSyncPosition;
    if (position !== null) this.video.currentTime = position;
  }

  recoverMedia(): void {
    this.hls.recoverMediaError();
  }

  destroy(): void {
    this.isDestroyed = true;
    window.clearInterval(this.timer);
    this.pacer.destroy();
    this.hls.destroy();
  }
}
