/** What draws the viewer's attention to a message that speaks to them: a sound, a notification. Both only where they wish it. */
import { signal } from "@preact/signals";

import { recall, remember } from "@common/storage";

const SOUND_KEY = "farcast.chat.sound";
const NOTIFY_KEY = "farcast.chat.notify";
/** Two soft tones, in hertz, each so long. */
const TONES = [660, 880];
const TONE_S = 0.11;
const LOUDNESS = 0.08;

const hasNotifications = "Notification" in globalThis;

function isAllowed(): boolean {
  return hasNotifications && Notification.permission === "granted";
}

/** Whether a message to the viewer makes a sound, remembered in this browser. */
export const rings = signal(recall(SOUND_KEY) === "on");
/** What the viewer wishes; the browser may have been told otherwise since. */
export const notifies = signal(recall(NOTIFY_KEY) === "on" && isAllowed());
/** Browsers offer notifications to secure pages only. */
export const canNotify = hasNotifications && globalThis.isSecureContext;

let audio: AudioContext | undefined;

function ring(): void {
  audio ??= new AudioContext();
  // Before the viewer did anything on the page a browser lets nothing sound; the line is marked all the same.
  if (audio.state === "suspended") void audio.resume().catch(() => undefined);
  for (const [index, hertz] of TONES.entries()) {
    const begin = audio.currentTime + index * TONE_S;
    const tone = new OscillatorNode(audio, { frequency: hertz });
    const loudness = new GainNode(audio, { gain: 0 });
    // Without a ramp it would click.
    loudness.gain.setValueAtTime(0, begin);
    loudness.gain.linearRampToValueAtTime(LOUDNESS, begin + TONE_S / 4);
    loudness.gain.linearRampToValueAtTime(0, begin + TONE_S);
    tone.connect(loudness).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + TONE_S);
  }
}

/** Switches the sound on, and lets it be heard, or off. */
export function setRings(on: boolean): void {
  remember(SOUND_KEY, on ? "on" : undefined);
  rings.value = on;
  // So that the viewer hears what they chose.
  if (on) ring();
}

function show(title: string, body: string): boolean {
  try {
    // Two windows with the same chat tell once.
    const note = new Notification(title, { body, tag: `${title}: ${body}`, icon: "/logo/external" });
    note.addEventListener("click", () => {
      window.focus();
      note.close();
    });
    return true;
  } catch {
    // Phones show notifications of service workers only.
    return false;
  }
}

/** `sample` is shown at once where it is switched on, so that the viewer sees what they chose. False where nothing can be shown. */
export async function setNotifies(on: boolean, sample: string): Promise<boolean> {
  const may = on && canNotify && (await Notification.requestPermission()) === "granted";
  const does = may && show(document.title, sample);
  remember(NOTIFY_KEY, does ? "on" : undefined);
  notifies.value = does;
  return does === on;
}

/** Somebody spoke to the viewer. */
export function mentioned(from: string, words: string): void {
  if (rings.value) ring();
  if (!notifies.value || !isAllowed() || document.visibilityState === "visible") return;
  show(from, words);
}
