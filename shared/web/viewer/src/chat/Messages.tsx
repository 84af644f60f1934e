/**
 * The lines of the chat, of which only those in sight are drawn, so that ten thousand cost no more than fifty. Keeps to the
 * newest line until the reader scrolls back, and says then how many are new.
 */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { wordsOf } from "@common/html";
import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { LineView } from "./LineView";
import type { Line } from "./log";
import { Measured } from "./measured";
import type { Room } from "./room";

/** Drawn above and below what is in sight, in pixels. */
const BEYOND_PX = 500;
/** Drawn anew once less than this is left above or below: so most scrolling draws nothing. */
const LEAST_BEYOND_PX = 150;
/** So near to the end the reader is taken to be at the end. */
const NEAR_PX = 48;

interface Props {
  readonly room: Room;
  readonly isReadOnly: boolean;
}

/** The list of a room's lines, what is said where there are none, and a button that leads back to the newest. */
export function Messages({ room, isReadOnly }: Props): JSX.Element {
  const { chat } = text.value;
  const lines = room.lines.value;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const [measured] = useState(() => new Measured());
  const isAtEnd = useRef(true);
  /** The newest line when the reader left the end. */
  const seen = useRef<string | undefined>(undefined);
  /** What the reader sees of the list, in pixels. No state, since most that changes it needs no drawing. */
  const view = useRef({ top: 0, height: 600 }).current;
  const [, setDrawn] = useState(0);
  const draw = (): void => {
    setDrawn((times) => times + 1);
  };

  const gone = measured.follow(lines);
  const { heights } = measured;
  // At the end the view is where the end is, whatever was scrolled to before these lines came.
  view.top = Math.max(0, isAtEnd.current ? heights.total - view.height : view.top - gone);
  const { first, last } = measured.range(view.top, view.height, BEYOND_PX);
  const shown = lines.slice(first, last);

  /** Whether what is in sight, and a little more, is drawn. */
  const isDrawn = (): boolean => {
    const needed = measured.range(view.top, view.height, LEAST_BEYOND_PX);
    return first <= needed.first && needed.last <= last;
  };

  useLayoutEffect(() => {
    const [element, items] = [scroller.current, list.current?.children];
    if (element === null || items === undefined) return;
    if (gone > 0 && !isAtEnd.current) element.scrollTop = view.top;
    const from = element.scrollTop;
    let above = 0;
    for (const [offset, item] of [...items].entries()) {
      const index = first + offset;
      const isAbove = heights.offset(index) + heights.get(index) <= from;
      const change = measured.measure(index, (item as HTMLElement).offsetHeight);
      if (isAbove) above += change;
    }
    if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    // What the reader looks at stays where it is.
    else if (above !== 0) element.scrollTop = from + above;
    view.top = element.scrollTop;
    if (!isDrawn()) draw();
  });

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    let width = element.clientWidth;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth !== width) measured.forget();
      width = element.clientWidth;
      view.top = element.scrollTop;
      view.height = element.clientHeight;
      setDrawn((times) => times + 1);
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
    };
  }, [measured, view]);

  const scrolled = (element: HTMLElement): void => {
    const wasAtEnd = isAtEnd.current;
    view.top = element.scrollTop;
    view.height = element.clientHeight;
    isAtEnd.current = element.scrollHeight - view.top - view.height < NEAR_PX;
    if (wasAtEnd && !isAtEnd.current) seen.current = lines.at(-1)?.key;
    if (wasAtEnd !== isAtEnd.current || !isDrawn()) draw();
  };

  const toEnd = (): void => {
    isAtEnd.current = true;
    draw();
  };

  const unread = isAtEnd.current
    ? 0
    : lines.length - 1 - lines.findLastIndex(({ key }) => key === seen.current);
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
        <div style={{ blockSize: `${heights.offset(first)}px` }} />
        <ol ref={list}>
          {shown.map((line) => (
            <LineView key={line.key} line={line} room={room} isReadOnly={isReadOnly} />
          ))}
        </ol>
        <div style={{ blockSize: `${Math.max(0, heights.total - heights.offset(last))}px` }} />
        {isQuiet && <p class="quiet">{isReadOnly ? chat.emptyReadOnly : chat.empty}</p>}
      </div>
      {!isAtEnd.current && (
        <button type="button" class="to-end floating" onClick={toEnd}>
          <Icon name="arrowDown" />
          {unread > 0 ? chat.newMessages(count(locale.value, unread), unread === 1) : chat.toNewest}
        </button>
      )}
      <Spoken lines={lines} isSpoken={isAtEnd.current} />
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
