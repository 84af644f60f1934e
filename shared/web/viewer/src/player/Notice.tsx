/** What is said over the picture: that it is being loaded, that there is none, or why it cannot be shown. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { isAnswered } from "../server";
import { text } from "../text";
import { isPassing, wordsFor } from "./notice";
import type { Watching } from "./watching";

interface Props {
  readonly watching: Watching;
  readonly offline: ComponentChildren;
}

function useIsOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => {
      setOnline(navigator.onLine);
    };
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return isOnline;
}

/** The words over the picture in each phase, with `offline` below them where there is no broadcast. */
export function Notice({ watching, offline }: Props): JSX.Element {
  const phase = watching.phase.value;
  const seen = {
    phase,
    isSlow: watching.isSlow.value,
    isOnline: useIsOnline(),
    isAnswered: isAnswered.value,
  };
  const { state, hint, offersAddress } = wordsFor(text.value.player, seen);
  const address = `${location.origin}/hls/stream.m3u8`;
  return (
    <div id="notice" class="notice" data-phase={phase}>
      {isPassing(phase) && <span class="spinner" aria-hidden="true" />}
      <div role="status" aria-live="polite" class="said">
        {/* Words that come anew, and none that move. */}
        <p key={phase} id="state">
          {state}
        </p>
        {hint !== undefined && (
          <p key={`${phase} hint`} class="hint">
            {hint}
          </p>
        )}
      </div>
      {offersAddress === true && (
        <p class="hint">
          <a href={address}>{address}</a>
        </p>
      )}
      {(phase === "offline" || phase === "ended") && <div class="over">{offline}</div>}
    </div>
  );
}
