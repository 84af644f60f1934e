/** What another part of the page wants to be written: the composer puts it at the caret. */
import { signal } from "@preact/signals";

/** A text that is wished to be written. */
export interface Draft {
  readonly text: string;
  /** Makes the same text twice two wishes. */
  readonly at: number;
}

/** The newest wish; undefined before the first. */
export const draft = signal<Draft | undefined>(undefined);
