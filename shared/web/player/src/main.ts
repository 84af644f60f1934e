/** The player page of an edge: assembles view, playback and session, in that order, and starts. */
import type Hls from "hls.js";

import { Controller } from "./controller";
import type { Engine, EngineEvents } from "./engine";
import { AT_EDGE, observe, pausedByViewer } from "./follow";
import { toggleFullscreen, watchIdle } from "./fullscreen";
import { HlsEngine } from "./hls-engine";
import { commandOf } from "./keys";
import type { Command } from "./keys";
import { isBehind } from "./latency";
import { NativeEngine } from "./native-engine";
import { Playback } from "./playback";
import { sameQuality } from "./quality";
import type { Quality } from "./quality";
import { View } from "./view";

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

/** The edge serves this page at its root; a page elsewhere may name another playlist. */
const url = new URL(new URLSearchParams(location.search).get("src") ?? "hls/stream.m3u8", document.baseURI)
  .href;

const view = new View();
const { video } = view;
let following = AT_EDGE;
const playback = new Playback(view, () => {
  following = pausedByViewer(following);
});
/** What the viewer fixed, for engines to come. */
let wanted: Quality | undefined;
/** The engine that was told; one that then had to leave a failing quality is left alone. */
let told: Engine | undefined;

const controller = new Controller(url, video, engineMaker(), {
  phase: (phase) => {
    view.showPhase(phase);
  },
  attached: (engine) => {
    showQualities(engine);
    void playback.begin();
  },
  qualities: (engine) => {
    if (engine !== told && engine.qualities.length > 0) {
      told = engine;
      const index = sameQuality(engine.qualities, wanted);
      if (index >= 0) engine.fix(index);
    }
    showQualities(engine);
  },
  tick: (engine) => {
    const latency = engine?.latency(Date.now()) ?? { wall: null, edge: null };
    const behind = isBehind(latency.edge, engine?.target ?? null);
    view.showLatency(latency, behind);
    const seen = observe(following, { behind, paused: video.paused }, performance.now());
    following = seen.following;
    if (seen.jump) engine?.toLiveEdge();
  },
});

function engineMaker(): ((events: EngineEvents) => Engine) | undefined {
  if (HlsEngine.isSupported()) return (events) => new HlsEngine(url, video, events);
  if (NativeEngine.isSupported(video)) return (events) => new NativeEngine(url, video, events);
  return undefined;
}

function showQualities(engine: Engine): void {
  view.showQualities(engine.qualities, engine.current, engine.fixed);
}

function toLiveEdge(): void {
  controller.engine?.toLiveEdge();
  if (video.paused) playback.toggle();
}

const COMMANDS: Readonly<Record<Command, () => void>> = {
  play: () => {
    playback.toggle();
  },
  mute: () => {
    playback.toggleMute();
  },
  louder: () => {
    playback.stepVolume(1);
  },
  quieter: () => {
    playback.stepVolume(-1);
  },
  live: toLiveEdge,
  fullscreen: () => {
    toggleFullscreen(view.stage, video);
  },
};

for (const button of [view.play, view.start]) button.addEventListener("click", COMMANDS.play);
view.mute.addEventListener("click", COMMANDS.mute);
view.live.addEventListener("click", COMMANDS.live);
view.fullscreen.addEventListener("click", COMMANDS.fullscreen);
view.unmute.addEventListener("click", () => {
  playback.unmute();
});
view.volume.addEventListener("input", () => {
  playback.setVolume(Number(view.volume.value) / 100);
});
view.quality.addEventListener("change", () => {
  const { engine } = controller;
  wanted = engine?.qualities[view.chosenQuality];
  engine?.fix(view.chosenQuality);
});
document.addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, altKey } = event;
  const focus = document.activeElement?.tagName ?? "";
  const command = commandOf({ key, ctrlKey, metaKey, altKey, focus });
  if (command === undefined) return;
  event.preventDefault();
  COMMANDS[command]();
});
document.addEventListener("fullscreenchange", () => {
  view.showFullscreen(document.fullscreenElement !== null);
});
watchIdle(view.stage);

window.farcast = {
  get hls() {
    return controller.engine instanceof HlsEngine ? controller.engine.hls : undefined;
  },
  video,
  latency: () => controller.engine?.latency(Date.now()).wall ?? null,
};

controller.start();
