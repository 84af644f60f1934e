/**
 * Which lines of a list are drawn: those in sight, and a few beyond. Keeps the reader at the newest line until they
 * scroll back, and then at what they look at. `measured.ts` knows how high lines are; `Messages.tsx` draws them.
 */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Line } from "./log";
import { Measured } from "./measured";

/** Drawn above and below what is in sight, in pixels. */
const BEYOND_PX = 500;
/** Drawn anew once less than this is left above or below: so most scrolling draws nothing. */
const LEAST_BEYOND_PX = 150;
/** So near to the end the reader is taken to be at the end. */
const NEAR_PX = 48;
/** How high the list is taken to be until it is drawn. */
const FIRST_HEIGHT_PX = 600;

/** What to draw of a list, and what to tell of it. */
export interface InSight {
  /** The element that scrolls, and in it the one whose children are the lines from `first` on, before `last`. */
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly list: RefObject<HTMLOListElement | null>;
  readonly first: number;
  readonly last: number;
  /** The heights of the lines before and behind those. */
  readonly abovePx: number;
  readonly belowPx: number;
  /** Whether the reader is at the newest line, or near. */
  readonly isAtEnd: boolean;
  /** How many lines came since the reader left the newest; 0 at the end. */
  readonly unread: number;
  /** The element was scrolled. */
  readonly scrolled: (element: HTMLElement) => void;
  /** Leads to the newest line. */
  readonly toEnd: () => void;
}

/** What the reader sees of the list, in pixels. No state, since most that changes it needs no drawing. */
interface View {
  top: number;
  height: number;
}

/** Follows a list of lines, oldest first, and the reader's scrolling in it. */
export function useInSight(lines: readonly Line[]): InSight {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const [measured] = useState(() => new Measured());
  const isAtEnd = useRef(true);
  /** The newest line when the reader left the end. */
  const seen = useRef<string | undefined>(undefined);
  const view = useRef<View>({ top: 0, height: FIRST_HEIGHT_PX }).current;
  const [, setDrawn] = useState(0);
  const draw = (): void => {
    setDrawn((times) => times + 1);
  };

  const gone = measured.follow(lines);
  const { heights } = measured;
  // At the end the view is where the end is, whatever was scrolled to before these lines came.
  view.top = Math.max(0, isAtEnd.current ? heights.total - view.height : view.top - gone);
  const { first, last } = measured.range(view.top, view.height, BEYOND_PX);

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
    const above = measure(measured, items, first, from);
    if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    // What the reader looks at stays where it is.
    else if (above !== 0) element.scrollTop = from + above;
    view.top = element.scrollTop;
    if (!isDrawn()) draw();
  });
  useResized(scroller, measured, view, draw);

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
  return {
    scroller,
    list,
    first,
    last,
    abovePx: heights.offset(first),
    belowPx: Math.max(0, heights.total - heights.offset(last)),
    isAtEnd: isAtEnd.current,
    unread: isAtEnd.current ? 0 : lines.length - 1 - lines.findLastIndex(({ key }) => key === seen.current),
    scrolled,
    toEnd,
  };
}

/**
 * Measures the lines that are drawn, from `first` on. Gives by how many pixels those that end above `fromPx` are
 * higher than was known.
 */
function measure(measured: Measured, items: HTMLCollection, first: number, fromPx: number): number {
  const { heights } = measured;
  let above = 0;
  for (const [offset, item] of [...items].entries()) {
    const index = first + offset;
    const isAbove = heights.offset(index) + heights.get(index) <= fromPx;
    const change = measured.measure(index, (item as HTMLElement).offsetHeight);
    if (isAbove) above += change;
  }
  return above;
}

/** Draws anew when the list has another size; with another width no height is known any more. */
function useResized(
  scroller: RefObject<HTMLDivElement | null>,
  measured: Measured,
  view: View,
  draw: () => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    let width = element.clientWidth;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth !== width) measured.forget();
      width = element.clientWidth;
      view.top = element.scrollTop;
      view.height = element.clientHeight;
      draw();
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
    };
  }, [measured, view]);
}
