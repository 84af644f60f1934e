/**
 * Asks about what is typed: when typing pauses, and again for what was typed meanwhile. Only the answer to the newest question
 * counts, in whatever order answers come.
 */

/** Questions about what is typed, of which only the newest counts. */
export interface Latest<I> {
  /** Asks about this when nothing else is wanted for a while. */
  readonly want: (input: I) => void;
  readonly stop: () => void;
}

/**
 * How to ask: after a pause in milliseconds, by a call whose signal a newer question aborts; and who is told of the
 * answer or the failure.
 */
export interface Asking<I, O> {
  readonly pauseMs: number;
  readonly ask: (input: I, signal: AbortSignal) => Promise<O>;
  readonly onAnswer: (answer: O) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Asks as `Asking` says. Nobody is told of an answer or a failure that comes after `stop` or after a newer question.
 */
export function latest<I, O>({ pauseMs, ask, onAnswer, onFailure }: Asking<I, O>): Latest<I> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let underWay: AbortController | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    underWay?.abort();
  };
  return {
    want: (input) => {
      stop();
      timer = setTimeout(() => {
        const { signal } = (underWay = new AbortController());
        ask(input, signal).then(
          (answer) => {
            if (!signal.aborted) onAnswer(answer);
          },
          (error: unknown) => {
            if (!signal.aborted) onFailure(error);
          },
        );
      }, pauseMs);
    },
    stop,
  };
}
