/** Plays the broadcast without sound and in its smallest quality, for as long as it is looked at. */
import { Controller } from "@player/controller";
import type { MakeEngine } from "@player/controller";
import { NativeEngine } from "@player/native-engine";
import type { Phase } from "@player/session";

/** Absolute: its variants are resolved against it. */
const PLAYLIST = new URL("/hls/stream.m3u8", document.baseURI).href;

/** What makes an engine for an element, if anything plays here. hls.js is larger than this page, so it comes only when it is needed. */
async function engineMaker(video: HTMLVideoElement): Promise<MakeEngine> {
  const loaded = await import("@player/hls-engine").catch(() => undefined);
  if (loaded?.HlsEngine.isSupported() === true)
    return (url, events, read) => new loaded.HlsEngine(url, video, events, read);
  if (NativeEngine.isSupported(video)) return (url, events) => new NativeEngine(url, video, events);
  return undefined;
}

/** Returns what ends it. */
export function playPreview(video: HTMLVideoElement, onPhase: (phase: Phase) => void): () => void {
  video.muted = true;
  let isSmall = false;
  const controller = new Controller(() => PLAYLIST, video, engineMaker(video), {
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
  return () => {
    controller.stop();
  };
}
