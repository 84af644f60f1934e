/** What another part of the page wants to be written: the composer puts it at the caret. */
import { signal } from "@preact/signals";

export interface Draft {
  readonly text: string;
  /** Makes the same text twice two wishes. */
  readonly at: number;
}

export const draft = signal<Draft | undefined>(undefined);
