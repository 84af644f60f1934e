/** The usual engine: hls.js in its low-latency mode. */
import Hls, { ErrorDetails, ErrorTypes, Events } from "hls.js";
import type { Level } from "hls.js";
import workerPath from "hls.js/dist/hls.worker.js?url";

import type { Engine, EngineEvents } from "./engine";
import { BACK_BUFFER, hlsConfig, JUMP_BEHIND_TARGET_DURATIONS } from "./hls-config";
import { wallLatency } from "./latency";
import type { Latency } from "./latency";
import { skipEarlier } from "./parts";
import type { Quality } from "./quality";

function quality(level: Level): Quality {
  return {
    name: level.name === "" ? undefined : level.name,
    height: level.height,
    bitrateBps: level.bitrate,
  };
}

export class HlsEngine implements Engine {
  readonly hls: Hls;

  constructor(
    url: string,
    private readonly video: HTMLVideoElement,
    events: EngineEvents,
  ) {
    const hls = new Hls(hlsConfig(workerPath));
    this.hls = hls;
    hls.config.liveMaxLatencyDurationCount = JUMP_BEHIND_TARGET_DURATIONS;
    hls.on(Events.FRAG_LOADING, (_, { frag, part }) => {
      const parts = hls.levels[frag.level]?.details?.partList;
      if (part && parts) skipEarlier(parts, part);
    });
    hls.on(Events.FRAG_BUFFERED, () => {
      events.ready();
      this.removePlayed();
    });
    hls.on(Events.MANIFEST_PARSED, events.qualities);
    hls.on(Events.LEVELS_UPDATED, events.qualities);
    hls.on(Events.LEVEL_SWITCHED, events.qualities);
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      if (!details.live) events.closed();
    });
    hls.on(Events.ERROR, (_, { fatal, type, details }) => {
      if (fatal) events.fault(type === ErrorTypes.MEDIA_ERROR ? "media" : "network");
      else if (type === ErrorTypes.NETWORK_ERROR && details !== ErrorDetails.FRAG_GAP) events.trouble();
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  }

  /** Right after an append, because no other is under way then. */
  private removePlayed(): void {
    const { buffered, currentTime } = this.video;
    if (buffered.length === 0 || currentTime - buffered.start(0) < BACK_BUFFER.most) return;
    const endOffset = currentTime - BACK_BUFFER.kept;
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

  toLiveEdge(): void {
    const position = this.hls.liveSyncPosition;
    if (position !== null) this.video.currentTime = position;
  }

  recoverMedia(): void {
    this.hls.recoverMediaError();
  }

  destroy(): void {
    this.hls.destroy();
  }
}
