/** What is asked for again and again while the page is seen, and at once when it is seen again. */
import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { wordsOfFailure } from "./failure";

/** What is asked for again and again: its newest answer, null before the first, and `refresh`, which asks at once. */
export interface Polled<T> {
  readonly value: ReadonlySignal<T | null>;
  /** What went wrong last; empty where nothing did. */
  readonly failure: ReadonlySignal<string>;
  readonly refresh: () => void;
}

/** Reads at once, and then every `everyMs` (0: only when told to), the pause counted from the answer. */
export function usePolled<T>(read: () => Promise<T>, everyMs: number): Polled<T> {
  const polled = useMemo(() => polling(read, everyMs), []);
  useEffect(() => polled.start(), [polled]);
  return polled;
}

function polling<T>(read: () => Promise<T>, everyMs: number): Polled<T> & { start: () => () => void } {
  const value = signal<T | null>(null);
  const failure = signal("");
  let timer: number | undefined;
  let isStopped = false;
  let turn = 0;
  const refresh = (): void => {
    window.clearTimeout(timer);
    turn += 1;
    const own = turn;
    const isCurrent = (): boolean => own === turn && !isStopped;
    read()
      .then(
        (answer) => {
          if (!isCurrent()) return;
          value.value = answer;
          failure.value = "";
        },
        (error: unknown) => {
          if (isCurrent()) failure.value = wordsOfFailure(error);
        },
      )
      .finally(() => {
        if (isCurrent() && everyMs > 0 && !document.hidden) timer = window.setTimeout(refresh, everyMs);
      });
  };
  const seen = (): void => {
    window.clearTimeout(timer);
    if (!document.hidden && everyMs > 0) refresh();
  };
  const start = (): (() => void) => {
    isStopped = false;
    document.addEventListener("visibilitychange", seen);
    refresh();
    return () => {
      isStopped = true;
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  };
  return { value, failure, refresh, start };
}
