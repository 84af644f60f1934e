/** What is said over the picture: that it is being loaded, that there is none, or why it cannot be shown. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { Phase } from "@player/session";

import { text } from "../text";
import type { Texts } from "../text/en";
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

function words(player: Texts["player"], phase: Phase): string {
  switch (phase) {
    case "connecting":
      return player.connecting;
    case "offline":
      return player.waiting;
    case "playing":
      return player.playing;
    case "buffering":
      return player.buffering;
    case "reconnecting":
      return player.reconnecting;
    case "ended":
      return player.ended;
    case "unsupported":
      return player.unsupported;
  }
}

export function Notice({ watching, offline }: Props): JSX.Element {
  const { player } = text.value;
  const phase = watching.phase.value;
  const isOnline = useIsOnline();
  const isWaiting = phase === "connecting" || phase === "buffering" || phase === "reconnecting";
  const isOver = phase === "offline" || phase === "ended";
  return (
    <div id="notice" class="notice" data-phase={phase}>
      {isWaiting && <span class="spinner" aria-hidden="true" />}
      <p id="state" role="status" aria-live="polite">
        {isWaiting && !isOnline ? player.offlineDevice : words(player, phase)}
      </p>
      {isWaiting && isOnline && watching.isSlow.value && (
        <p class="hint">
          {player.failing}. {player.failingHint}
        </p>
      )}
      {phase === "unsupported" && (
        <p class="hint">
          {player.unsupportedHint} <a href="/hls/stream.m3u8">{`${location.origin}/hls/stream.m3u8`}</a>
        </p>
      )}
      {isOver && <div class="over">{offline}</div>}
    </div>
  );
}
