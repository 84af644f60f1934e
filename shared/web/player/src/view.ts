/** The page's elements, and the few ways in which they change. */
import { latencyDetail, latencyText } from "./latency";
import type { Latency } from "./latency";
import { autoText, bestFirst, qualityText } from "./quality";
import type { Quality } from "./quality";
import type { Phase } from "./session";
import type { Sound } from "./sound";

/** Announced and shown over the picture. */
const STATE: Readonly<Record<Phase, string>> = {
  connecting: "Connecting…",
  offline: "Waiting for the broadcast",
  playing: "Playing",
  buffering: "Buffering…",
  reconnecting: "Reconnecting…",
  ended: "The broadcast has ended. Waiting for the next one",
  unsupported: "This browser cannot play HLS video",
};

/** In the corner of the page. */
const BADGE: Readonly<Record<Phase, string>> = {
  connecting: "Connecting",
  offline: "Offline",
  playing: "Live",
  buffering: "Buffering",
  reconnecting: "Reconnecting",
  ended: "Ended",
  unsupported: "Not supported",
};

const AUTO = "auto";

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/** Writes only what differs: this runs four times a second. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export class View {
  readonly stage = element("stage", HTMLElement);
  readonly video = element("video", HTMLVideoElement);
  readonly start = element("start", HTMLButtonElement);
  readonly unmute = element("unmute", HTMLButtonElement);
  readonly play = element("play", HTMLButtonElement);
  readonly mute = element("mute", HTMLButtonElement);
  readonly volume = element("volume", HTMLInputElement);
  readonly live = element("live", HTMLButtonElement);
  readonly quality = element("quality", HTMLSelectElement);
  readonly fullscreen = element("fullscreen", HTMLButtonElement);
  private readonly badge = element("badge", HTMLElement);
  private readonly notice = element("notice", HTMLElement);
  private readonly state = element("state", HTMLElement);
  private readonly latency = element("latency", HTMLOutputElement);
  private readonly latencyDetail = element("latency-detail", HTMLElement);
  private phase: Phase = "connecting";

  showPhase(phase: Phase): void {
    this.phase = phase;
    this.badge.dataset["phase"] = phase;
    this.notice.dataset["phase"] = phase;
    setText(this.badge, BADGE[phase]);
    setText(this.state, STATE[phase]);
    document.title = phase === "playing" ? "● Farcast" : "Farcast";
  }

  showPlaying(playing: boolean): void {
    this.play.classList.toggle("on", playing);
    this.play.ariaLabel = playing ? "Pause" : "Play";
    this.play.title = `${this.play.ariaLabel} (space)`;
  }

  /** Playback that only the viewer can start, or resume. */
  offerStart(offered: boolean): void {
    this.start.hidden = !offered;
  }

  offerUnmute(offered: boolean): void {
    this.unmute.hidden = !offered;
  }

  showSound({ volume, muted }: Sound): void {
    this.mute.classList.toggle("on", muted || volume === 0);
    this.mute.ariaPressed = String(muted);
    this.mute.ariaLabel = muted ? "Unmute" : "Mute";
    this.mute.title = `${this.mute.ariaLabel} (m)`;
    this.volume.value = String(Math.round((muted ? 0 : volume) * 100));
  }

  showLatency(latency: Latency, behind: boolean): void {
    setText(this.latency, latencyText(latency));
    setText(this.latencyDetail, latencyDetail(latency));
    this.live.disabled = !behind;
    this.live.classList.toggle("at-edge", this.phase === "playing" && latency.edge !== null && !behind);
  }

  /** Fills the menu: automatic choice, then the qualities, best first. The value is the engine's index. */
  showQualities(qualities: readonly Quality[], current: number, fixed: number): void {
    const entries = [
      { value: AUTO, text: autoText(fixed < 0 ? qualities[current] : undefined) },
      ...bestFirst(qualities).flatMap((index) => {
        const quality = qualities[index];
        return quality === undefined ? [] : [{ value: String(index), text: qualityText(quality) }];
      }),
    ];
    // Kept and only relabelled while it has the same entries, so that an open menu does not close.
    const options = [...this.quality.options];
    if (options.length === entries.length && options.every((o, i) => o.value === entries[i]?.value)) {
      options.forEach((option, i) => {
        const text = entries[i]?.text ?? "";
        if (option.text !== text) option.text = text;
      });
    } else {
      this.quality.replaceChildren(...entries.map(({ value, text }) => new Option(text, value)));
    }
    this.quality.value = fixed < 0 ? AUTO : String(fixed);
    this.quality.disabled = qualities.length === 0;
  }

  /** The engine's index that the viewer chose in the menu, -1 for automatic choice. */
  get chosenQuality(): number {
    return this.quality.value === AUTO ? -1 : Number(this.quality.value);
  }

  showFullscreen(full: boolean): void {
    this.fullscreen.classList.toggle("on", full);
    this.fullscreen.ariaLabel = full ? "Leave full screen" : "Full screen";
    this.fullscreen.title = `${this.fullscreen.ariaLabel} (f)`;
  }
}
