/** Full screen for the player with its controls; on iPhones, which allow only that, for the video alone. */

const IDLE_AFTER_MS = 3_000;

type IphoneVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

/** Shows the stage in full screen, or the video where browsers allow no more, or leaves full screen. */
export function toggleFullscreen(stage: HTMLElement, video: IphoneVideo): void {
  // A refusal leaves everything as it is: nothing to do about it.
  const ignore = (): undefined => undefined;
  if (document.fullscreenElement !== null) document.exitFullscreen().catch(ignore);
  else if (document.fullscreenEnabled) stage.requestFullscreen().catch(ignore);
  else video.webkitEnterFullscreen?.();
}

/** Marks the stage `idle` while nobody moves, so that the style can hide controls and pointer. */
export function watchIdle(stage: HTMLElement): void {
  let timer: number | undefined;
  const active = (): void => {
    window.clearTimeout(timer);
    stage.classList.remove("idle");
    timer = window.setTimeout(() => {
      stage.classList.add("idle");
    }, IDLE_AFTER_MS);
  };
  for (const type of ["pointermove", "pointerdown", "keydown"]) stage.addEventListener(type, active);
  active();
}
