/** Volume and mute, remembered between visits. */

/** The sound of a video element: its volume, 0 to 1, and whether it is off. */
export interface Sound {
  /** 0 to 1. */
  readonly volume: number;
  readonly muted: boolean;
}

/** What a first visit has. A browser that starts only muted video by itself gets that (see playback.ts). */
export const FIRST_VISIT: Sound = { volume: 1, muted: false };

const KEY = "farcast.sound";

type Store = Pick<Storage, "getItem" | "setItem">;

/** Reads what was remembered; anything unreadable counts as a first visit. */
export function recall(store: Store | undefined): Sound {
  try {
    const value: unknown = JSON.parse(store?.getItem(KEY) ?? "null");
    if (typeof value !== "object" || value === null) return FIRST_VISIT;
    const { volume, muted } = value as Partial<Record<keyof Sound, unknown>>;
    if (typeof volume !== "number" || !(volume >= 0 && volume <= 1)) return FIRST_VISIT;
    return { volume, muted: muted !== false };
  } catch {
    return FIRST_VISIT;
  }
}

/** Remembers; a browser that refuses storage only forgets. */
export function remember(store: Store | undefined, sound: Sound): void {
  try {
    store?.setItem(KEY, JSON.stringify(sound));
  } catch {
    // Storage may be full or forbidden; the player works without.
  }
}

/** The page's storage, or nothing where even the access is forbidden. */
export function pageStore(): Store | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

/** The volume one key press away. */
export function stepped(volume: number, direction: 1 | -1): number {
  return Math.min(1, Math.max(0, Math.round((volume + direction * 0.1) * 10) / 10));
}
