/**
 * The player as the page sees it: assembles playback, session and engine around a video element, and holds what they say as
 * signals. What is decided is decided in `@player`.
 */
import { recall, remember } from "@common/storage";
import { captionsOf, chooseCaptions, chooseNamed } from "@player/captions";
import type { Caption } from "@player/captions";
import { Controller } from "@player/controller";
import type { ControllerEvents, MakeEngine } from "@player/controller";
import type { Engine } from "@player/engine";
import { AT_EDGE, observe, pausedByViewer } from "@player/follow";
import { toggleFullscreen, watchIdle } from "@player/fullscreen";
import type { HlsEngine } from "@player/hls-engine";
import { commandOf } from "@player/keys";
import type { Command } from "@player/keys";
import { figure, isBehind } from "@player/latency";
import type { Figure } from "@player/latency";
import { NativeEngine } from "@player/native-engine";
import { Playback } from "@player/playback";
import { probe } from "@player/probe";
import type { Found } from "@player/probe";
import { sameQuality } from "@player/quality";
import type { Quality } from "@player/quality";
import { Reporter } from "@player/reporter";
import { pauseMs } from "@player/session";
import type { Phase } from "@player/session";
import { FIRST_VISIT } from "@player/sound";
import type { Sound } from "@player/sound";
import { batch, signal } from "@preact/signals";
import type Hls from "hls.js";

import { edges, measured } from "../nearest";
import { followPlayer } from "../server";

declare global {
  interface Window {
    /** For tests and for the curious: the engine's hls.js, the element, and the latency in seconds. */
    farcast: {
      readonly hls: Hls | undefined;
      readonly video: HTMLVideoElement;
      /** This clock minus the picture's programme date-time; null while nothing is shown. */
      latency: () => number | null;
    };
  }
}

/** Connecting, or looking for the connection, for so long is called slow. */
const SLOW_AFTER_MS = 10_000;
/** A browser that is never idle runs the engine after so long all the same. */
const RUN_WITHIN_MS = 300;

/** The name of the captions that the viewer wants, by which later visits show them. */
const CAPTIONS_KEY = "farcast.captions";

/** hls.js is by far the largest part of the page, so it comes by itself, while the page is already there. */
const loadHls = (): Promise<typeof import("@player/hls-engine")> => import("@player/hls-engine");
/** It is fetched with the page's own scripts (preload.js) and runs once the page has been drawn. */
const isDrawn = new Promise<void>((done) => {
  // Safari has no idle callbacks.
  if (!("requestIdleCallback" in globalThis)) setTimeout(done, RUN_WITHIN_MS);
  else
    requestIdleCallback(
      () => {
        done();
      },
      { timeout: RUN_WITHIN_MS },
    );
});
const hlsEngine = isDrawn.then(loadHls);
// `engineMaker` hears of a failure.
hlsEngine.catch(() => undefined);

/** WebKit's choice of another screen. */
type AirPlayVideo = HTMLVideoElement & { webkitShowPlaybackTargetPicker?: () => void };

/** One viewer's watching: what the player shows, as signals, and what the viewer does with it. */
export class Watching {
  readonly phase = signal<Phase>("connecting");
  /** The phase lasts longer than it should. */
  readonly isSlow = signal(false);
  readonly playing = signal(false);
  readonly sound = signal<Sound>(FIRST_VISIT);
  readonly offersUnmute = signal(false);
  readonly offersStart = signal(false);
  readonly latency = signal<Figure | null>(null);
  /** So much later than intended the viewer watches, in seconds; null while they are at the live edge. */
  readonly behindS = signal<number | null>(null);
  readonly qualities = signal<readonly Quality[]>([]);
  readonly current = signal(-1);
  readonly fixed = signal(-1);
  readonly isFull = signal(false);
  readonly isPip = signal(false);
  readonly captions = signal<readonly Caption[]>([]);
  /** There is another screen to play on. */
  readonly offersAirPlay = signal(false);

  private video: HTMLVideoElement | undefined;
  private stage: HTMLElement | undefined;
  private playback: Playback | undefined;
  private controller: Controller | undefined;
  private following = AT_EDGE;
  /** What the viewer fixed, for engines to come. */
  private wanted: Quality | undefined;
  /** The engine that was told; one that then had to leave a failing quality is left alone. */
  private told: Engine | undefined;
  private slowTimer: number | undefined;

  private readonly begun: Promise<Found>;

  /** `url` is that of the multivariant playlist. The edge is asked for it at once, before the page is drawn. */
  constructor(private readonly url: string) {
    this.begun = probe(url, new AbortController().signal);
  }

  /** Begins, for the rest of the page's life. */
  start(video: HTMLVideoElement, stage: HTMLElement): void {
    this.video = video;
    this.stage = stage;
    this.playback = new Playback(video, {
      playing: (playing) => (this.playing.value = playing),
      sound: (sound) => (this.sound.value = sound),
      offerUnmute: (offered) => (this.offersUnmute.value = offered),
      offerStart: (offered) => (this.offersStart.value = offered),
      paused: () => (this.following = pausedByViewer(this.following)),
    });
    this.listen(video, stage);
    this.startWatchOnSlowness();
    this.control(video);
  }

  /** Whether it is the playlist of the server whose page this is. */
  private get isOfPage(): boolean {
    return new URL(this.url).origin === edges.page;
  }

  private async engineMaker(video: HTMLVideoElement): Promise<MakeEngine> {
    const native: MakeEngine = (url, events) => new NativeEngine(url, video, events);
    for (let tries = 0; ; tries += 1) {
      try {
        const { HlsEngine } = await (tries === 0 ? hlsEngine : loadHls());
        if (HlsEngine.isSupported())
          return (url, events, read) => new HlsEngine(url, video, events, read, measured);
        return NativeEngine.isSupported(video) ? native : undefined;
      } catch {
        // It did not come, which says nothing about the browser.
        if (NativeEngine.isSupported(video)) return native;
        await new Promise((done) => setTimeout(done, pauseMs(tries)));
      }
    }
  }

  private control(video: HTMLVideoElement): void {
    const playlist = (): string => edges.moved(this.url);
    const reporter = new Reporter(playlist, video);
    const events: ControllerEvents = {
      phase: (phase) => {
        this.phase.value = phase;
        reporter.at(phase);
        followPlayer(phase);
      },
      attached: (engine) => {
        this.showQualities(engine);
        void this.playback?.begin();
      },
      qualities: (engine) => {
        if (engine !== this.told && engine.qualities.length > 0) {
          this.told = engine;
          const index = sameQuality(engine.qualities, this.wanted);
          if (index >= 0) engine.fix(index);
        }
        this.showQualities(engine);
      },
      fault: (fault) => {
        reporter.failed(fault);
      },
      edge: (origin) => {
        if (this.isOfPage) edges.playsAt(origin);
      },
      gone: (origin) => {
        if (this.isOfPage) edges.lost(origin, performance.now());
      },
      unreachable: (url) => {
        // Without a network of one's own no edge answers.
        if (navigator.onLine && this.isOfPage) edges.left(url, performance.now());
      },
      tick: (engine) => {
        this.tick(video, engine);
        reporter.tick(engine);
      },
    };
    const controller = new Controller(playlist, video, this.engineMaker(video), events, this.begun);
    this.controller = controller;
    window.farcast = {
      get hls() {
        return controller.engine === undefined ? undefined : (controller.engine as Partial<HlsEngine>).hls;
      },
      video,
      latency: () => controller.engine?.latency(Date.now()).wall ?? null,
    };
    controller.start();
  }

  private tick(video: HTMLVideoElement, engine: Engine | undefined): void {
    const latency = engine?.latency(Date.now()) ?? { wall: null, edge: null };
    const target = engine?.target ?? null;
    const behind = isBehind(latency.edge, target);
    const now = figure(latency);
    batch(() => {
      const shown = this.latency.value;
      // Shown with one digit: nothing is drawn anew for less.
      if (now?.seconds.toFixed(1) !== shown?.seconds.toFixed(1) || now?.isEndToEnd !== shown?.isEndToEnd) {
        this.latency.value = now;
      }
      this.behindS.value =
        behind && latency.edge !== null && target !== null ? Math.round(latency.edge - target) : null;
    });
    const seen = observe(this.following, { behind, paused: video.paused }, performance.now());
    this.following = seen.following;
    if (seen.jump) engine?.toLiveEdge();
  }

  private showQualities(engine: Engine): void {
    batch(() => {
      this.qualities.value = [...engine.qualities];
      this.current.value = engine.current;
      this.fixed.value = engine.fixed;
    });
  }

  private listen(video: HTMLVideoElement, stage: HTMLElement): void {
    document.addEventListener("keydown", (event) => {
      this.key(event);
    });
    document.addEventListener("fullscreenchange", () => {
      this.isFull.value = document.fullscreenElement !== null;
    });
    video.addEventListener("enterpictureinpicture", () => (this.isPip.value = true));
    video.addEventListener("leavepictureinpicture", () => (this.isPip.value = false));
    watchIdle(stage);
    const { textTracks } = video;
    textTracks.addEventListener("addtrack", () => {
      const wanted = recall(CAPTIONS_KEY);
      if (wanted !== undefined) chooseNamed(textTracks, wanted);
    });
    for (const type of ["addtrack", "removetrack", "change"]) {
      textTracks.addEventListener(type, () => {
        this.captions.value = captionsOf(textTracks);
      });
    }
    video.addEventListener("webkitplaybacktargetavailabilitychanged", (event) => {
      this.offersAirPlay.value = (event as Event & { availability?: string }).availability === "available";
    });
  }

  private key(event: KeyboardEvent): void {
    const { key, ctrlKey, metaKey, altKey, target } = event;
    const isWritten = target instanceof HTMLInputElement && target.type !== "range";
    const isElsewhere = target instanceof Element && target.closest("dialog, [popover]") !== null;
    if (event.defaultPrevented || isWritten || isElsewhere) return;
    const focus = document.activeElement?.tagName ?? "";
    const command = commandOf({ key, ctrlKey, metaKey, altKey, focus });
    if (command === undefined) return;
    event.preventDefault();
    this.commands[command]();
  }

  private startWatchOnSlowness(): void {
    this.phase.subscribe((phase) => {
      if (phase === "connecting" || phase === "reconnecting" || phase === "buffering") {
        // From one of these to another it is still the same wait.
        this.slowTimer ??= window.setTimeout(() => {
          this.isSlow.value = true;
        }, SLOW_AFTER_MS);
        return;
      }
      window.clearTimeout(this.slowTimer);
      this.slowTimer = undefined;
      this.isSlow.value = false;
    });
  }

  readonly commands: Readonly<Record<Command, () => void>> = {
    play: () => this.playback?.toggle(),
    mute: () => this.playback?.toggleMute(),
    louder: () => this.playback?.stepVolume(1),
    quieter: () => this.playback?.stepVolume(-1),
    live: () => {
      this.controller?.engine?.toLiveEdge();
      if (this.video?.paused) this.playback?.toggle();
    },
    fullscreen: () => {
      if (this.stage !== undefined && this.video !== undefined) toggleFullscreen(this.stage, this.video);
    },
  };

  unmute(): void {
    this.playback?.unmute();
  }

  setVolume(volume: number): void {
    this.playback?.setVolume(volume);
  }

  /** Index of a quality, or -1 for automatic choice. */
  fix(index: number): void {
    const engine = this.controller?.engine;
    this.wanted = engine?.qualities[index];
    engine?.fix(index);
    this.fixed.value = index;
  }

  /** Index of captions, or -1 for none. */
  showCaptions(index: number): void {
    if (this.video !== undefined) chooseCaptions(this.video.textTracks, index);
    remember(CAPTIONS_KEY, this.captions.value.find((one) => one.index === index)?.name);
  }

  chooseScreen(): void {
    (this.video as AirPlayVideo | undefined)?.webkitShowPlaybackTargetPicker?.();
  }

  togglePip(): void {
    // A refusal leaves everything as it is.
    const ignore = (): undefined => undefined;
    if (document.pictureInPictureElement === null) this.video?.requestPictureInPicture().catch(ignore);
    else document.exitPictureInPicture().catch(ignore);
  }
}
