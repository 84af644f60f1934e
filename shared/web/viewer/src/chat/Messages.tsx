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
import { Heights } from "./heights";
import { LineView } from "./LineView";
import type { Line } from "./log";
import type { Room } from "./room";

const ESTIMATE_PX = 34;
/** Drawn above and below what is in sight, in pixels. */
const BEYOND_PX = 400;
/** So near to the end the reader is taken to be at the end. */
const NEAR_PX = 48;

interface Props {
  readonly room: Room;
  readonly isReadOnly: boolean;
}

/** Heights of lines by key, and the lines for which `heights` was made. */
class Measured {
  readonly heights = new Heights(ESTIMATE_PX);
  private readonly known = new Map<string, number>();
  private lines: readonly Line[] = [];

  /** Follows the list: cheap where lines were added at its end, as nearly always. */
  follow(lines: readonly Line[]): void {
    const before = this.lines;
    if (lines === before) return;
    const isAdded =
      lines.length >= before.length && before.every((line, index) => line.key === lines[index]?.key);
    if (isAdded) for (const line of lines.slice(before.length)) this.heights.append(this.known.get(line.key));
    else this.heights.reset(lines.map(({ key }) => this.known.get(key)));
    this.lines = lines;
  }

  measure(index: number, height: number): number {
    const key = this.lines[index]?.key;
    if (key !== undefined) this.known.set(key, height);
    return this.heights.set(index, height);
  }

  /** The list has another width: nothing is known any more. */
  forget(): void {
    this.known.clear();
    this.heights.reset(this.lines.map(() => undefined));
  }
}

export function Messages({ room, isReadOnly }: Props): JSX.Element {
  const { chat } = text.value;
  const lines = room.lines.value;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const measured = useRef(new Measured()).current;
  const isAtEnd = useRef(true);
  /** The newest line when the reader left the end. */
  const seen = useRef<string | undefined>(undefined);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [, draw] = useState(0);

  measured.follow(lines);
  const { heights } = measured;
  // At the end the view is where the end is, whatever was scrolled to before these lines came.
  const top = isAtEnd.current ? Math.max(0, heights.total - view.height) : view.top;
  const first = heights.find(top - BEYOND_PX);
  const last = Math.min(lines.length, heights.find(top + view.height + BEYOND_PX) + 1);
  const shown = lines.slice(first, last);

  useLayoutEffect(() => {
    const [element, items] = [scroller.current, list.current?.children];
    if (element === null || items === undefined) return;
    let changed = 0;
    let above = 0;
    for (const [offset, item] of [...items].entries()) {
      const index = first + offset;
      const isAbove = heights.offset(index) + heights.get(index) <= element.scrollTop;
      const change = measured.measure(index, (item as HTMLElement).offsetHeight);
      changed += Math.abs(change);
      if (isAbove) above += change;
    }
    if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    // What the reader looks at stays where it is.
    else if (above !== 0) element.scrollTop += above;
    if (changed > 0) draw((times) => times + 1);
  });

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    let width = element.clientWidth;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth !== width) measured.forget();
      width = element.clientWidth;
      setView({ top: element.scrollTop, height: element.clientHeight });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
    };
  }, [measured]);

  const scrolled = (element: HTMLElement): void => {
    const wasAtEnd = isAtEnd.current;
    isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    if (wasAtEnd && !isAtEnd.current) seen.current = lines.at(-1)?.key;
    setView({ top: element.scrollTop, height: element.clientHeight });
  };

  const toEnd = (): void => {
    isAtEnd.current = true;
    draw((times) => times + 1);
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
