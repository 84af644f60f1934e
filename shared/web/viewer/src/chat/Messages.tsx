/**
 * The lines of the chat, of which only those in sight are drawn, so that ten thousand cost no more than fifty. Keeps to the
 * newest line until the reader scrolls back, and says then how many are new.
 */
import type { JSX } from "preact";

import { wordsOf } from "@common/html";
import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { LineView } from "./LineView";
import type { Line } from "./log";
import type { Room } from "./room";
import { useInSight } from "./useInSight";

interface Props {
  readonly room: Room;
  readonly isReadOnly: boolean;
}

/** The list of a room's lines, what is said where there are none, and a button that leads back to the newest. */
export function Messages({ room, isReadOnly }: Props): JSX.Element {
  const { chat } = text.value;
  const lines = room.lines.value;
  const { scroller, list, first, last, abovePx, belowPx, isAtEnd, unread, scrolled, toEnd } =
    useInSight(lines);
  const isQuiet = lines.length === 0 && room.state.value === "open";
  return (
    <div class="messages">
      <div
        ref={scroller}
        class="scroller"
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={chat.label}
        onScroll={(event) => {
          scrolled(event.currentTarget);
        }}
      >
        <div style={{ blockSize: `${abovePx}px` }} />
        <ol ref={list}>
          {lines.slice(first, last).map((line) => (
            <LineView key={line.key} line={line} room={room} isReadOnly={isReadOnly} />
          ))}
        </ol>
        <div style={{ blockSize: `${belowPx}px` }} />
        {isQuiet && <p class="quiet">{isReadOnly ? chat.emptyReadOnly : chat.empty}</p>}
      </div>
      {!isAtEnd && (
        <button type="button" class="to-end floating" onClick={toEnd}>
          <Icon name="arrowDown" />
          {unread > 0 ? chat.newMessages(count(locale.value, unread), unread === 1) : chat.toNewest}
        </button>
      )}
      <Spoken lines={lines} isSpoken={isAtEnd} />
    </div>
  );
}

/** The newest messages for screen readers, which the list would confuse: its elements come and go while one scrolls. */
function Spoken({
  lines,
  isSpoken,
}: {
  readonly lines: readonly Line[];
  readonly isSpoken: boolean;
}): JSX.Element {
  const newest = isSpoken
    ? lines.slice(-3).filter(({ kind, isHidden }) => kind === "message" && isHidden !== true)
    : [];
  return (
    <div class="unseen" aria-live="polite" aria-relevant="additions">
      {newest.map(({ key, user, html, text: written }) => (
        <p key={key}>
          {user?.name}: {written ?? wordsOf(html ?? "")}
        </p>
      ))}
    </div>
  );
}
