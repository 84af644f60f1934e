/** Play, pause and sound of the video element, within what browsers allow a page to do unasked. */
import { pageStore, recall, remember, stepped } from "./sound";
import type { Sound } from "./sound";

/** What is to be shown. */
export interface PlaybackEvents {
  playing: (playing: boolean) => void;
  sound: (sound: Sound) => void;
  /** The sound is off because the browser wanted it, not the viewer. */
  offerUnmute: (offered: boolean) => void;
  /** Only the viewer can start playback. */
  offerStart: (offered: boolean) => void;
  /** The viewer paused. */
  paused: () => void;
}

/** Plays and pauses a video element and sets its sound, which is remembered in this browser. */
export class Playback {
  private readonly store = pageStore();
  /** The viewer paused; a new engine then stays paused. */
  private pausedByViewer = false;
  /** The page, not the viewer, turned the sound off to be allowed to play. */
  private mutedToStart = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly events: PlaybackEvents,
  ) {
    const sound = recall(this.store);
    video.volume = sound.volume;
    video.muted = sound.muted;

    const show = (): void => {
      events.playing(!video.paused);
      events.offerUnmute(video.muted && !video.paused && this.mutedToStart);
      if (!video.paused) events.offerStart(false);
    };
    const showSound = (): void => {
      events.sound({ volume: video.volume, muted: video.muted });
    };
    video.addEventListener("play", show);
    video.addEventListener("pause", show);
    video.addEventListener("volumechange", () => {
      showSound();
      show();
    });
    showSound();
  }

  /** Begins by itself: with the remembered sound, else muted, else when the viewer asks. */
  async begin(): Promise<void> {
    if (this.pausedByViewer) return;
    if (await this.tryPlay()) return;
    if (!this.video.muted) {
      this.mutedToStart = true;
      this.video.muted = true;
      if (await this.tryPlay()) return;
    }
    this.events.offerStart(true);
  }

  toggle(): void {
    if (this.video.paused) {
      this.pausedByViewer = false;
      void this.tryPlay();
    } else {
      this.pausedByViewer = true;
      this.events.paused();
      this.video.pause();
    }
  }

  toggleMute(): void {
    this.setSound(this.video.volume === 0 && this.video.muted ? 0.5 : this.video.volume, !this.video.muted);
  }

  unmute(): void {
    this.setSound(this.video.volume === 0 ? 0.5 : this.video.volume, false);
  }

  setVolume(volume: number): void {
    this.setSound(volume, volume === 0);
  }

  stepVolume(direction: 1 | -1): void {
    this.setVolume(stepped(this.video.muted ? 0 : this.video.volume, direction));
  }

  /** Only what the viewer did is remembered, not what a browser's policy forced. */
  private setSound(volume: number, muted: boolean): void {
    this.mutedToStart = false;
    this.video.volume = volume;
    this.video.muted = muted;
    remember(this.store, { volume, muted });
  }

  /** Whether playback was allowed. A load that interrupts play() is not a refusal. */
  private async tryPlay(): Promise<boolean> {
    try {
      await this.video.play();
      return true;
    } catch (error) {
      return !(error instanceof DOMException && error.name === "NotAllowedError");
    }
  }
}
