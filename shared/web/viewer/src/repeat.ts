/** Reads again and again what changes at the server. */

/** A page that nobody sees asks less often. */
const UNSEEN_FACTOR = 6;

/**
 * Reads now, and again and again for the rest of the page's life, the pause counted from the answer. A failure is left to the next
 * time. Gives what reads at once.
 */
export function repeat(read: () => Promise<void>, everyMs: number): () => void {
  let timer: number | undefined;
  const again = (): void => {
    window.clearTimeout(timer);
    void read()
      .catch(() => undefined)
      .finally(() => {
        // Another call may have come while this one was under way.
        window.clearTimeout(timer);
        const factor = document.visibilityState === "visible" ? 1 : UNSEEN_FACTOR;
        timer = window.setTimeout(again, everyMs * factor * (0.9 + Math.random() * 0.2));
      });
  };
  again();
  return again;
}
