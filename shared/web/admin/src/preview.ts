/** Plays the broadcast without sound and in its smallest quality, for as long as it is looked at. */
import { Controller } from "@player/controller";
import type { Engine, EngineEvents } from "@player/engine";
import { NativeEngine } from "@player/native-engine";
import type { Phase } from "@player/session";

/** Absolute: its variants are resolved against it. */
const PLAYLIST = new URL("/hls/stream.m3u8", document.baseURI).href;

/** What makes an engine for an element, if anything plays here. hls.js is larger than this page, so it comes only when it is needed. */
async function engineMaker(video: HTMLVideoElement): Promise<((events: EngineEvents) => Engine) | undefined> {
  const loaded = await import("@player/hls-engine").catch(() => undefined);
  if (loaded?.HlsEngine.isSupported() === true)
    return (events) => new loaded.HlsEngine(PLAYLIST, video, events);
  if (NativeEngine.isSupported(video)) return (events) => new NativeEngine(PLAYLIST, video, events);
  return undefined;
}

/** Returns what ends it. */
export function playPreview(video: HTMLVideoElement, onPhase: (phase: Phase) => void): () => void {
  let isOver = false;
  let controller: Controller | undefined;
  video.muted = true;
  let isSmall = false;
  void engineMaker(video).then((make) => {
    if (isOver) return;
    controller = new Controller(PLAYLIST, video, make, {
      phase: onPhase,
      attached: () => {
        isSmall = false;
        // A browser that allows no picture by itself shows its first one.
        video.play().catch(() => undefined);
      },
      qualities: (engine) => {
        if (isSmall || engine.qualities.length < 2) return;
        isSmall = true;
        const rates = engine.qualities.map(({ bitrateBps }) => bitrateBps);
        engine.fix(rates.indexOf(Math.min(...rates)));
      },
      fault: () => undefined,
      tick: () => undefined,
    });
    controller.start();
  });
  return () => {
    isOver = true;
    controller?.stop();
  };
}
