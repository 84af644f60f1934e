/**
 * Moves members of a list: by a grip that is dragged, with a mouse, a pen or a finger, and by two buttons, for keyboards and for
 * who cannot drag. The list changes while something is dragged; Escape puts it back.
 */
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { Icon } from "@common/icons";

import { text } from "../text";
import { moved, placeOf } from "./order";

/** This near the edge of the window it scrolls along, by this much with each move. */
const EDGE_PX = 48;
const SCROLL_PX = 14;

interface Ordering<T> {
  readonly list: readonly T[];
  readonly nameOf: (member: T) => string;
  /** Shows the list in another order. */
  readonly onOrder: (list: readonly T[]) => void;
  /** It is in the order that is wished. */
  readonly onDone: (list: readonly T[]) => void;
}

/** What a list shows so that its members can be moved. */
export interface Order {
  /** Of the element whose children are the members, in their order. */
  readonly root: RefObject<never>;
  /** The grip and the buttons of a member. */
  readonly moves: (index: number) => JSX.Element;
  /** Class of the member that is being dragged. */
  readonly rowClass: (index: number) => string;
  /** What was moved, for screen readers. */
  readonly told: JSX.Element;
}

interface Drag<T> {
  readonly before: readonly T[];
  /** As it is shown, or will be: moves may come faster than the page is drawn. */
  list: readonly T[];
  at: number;
}

/**
 * Lets people move a list's members. `onOrder` is told each order while something is dragged, `onDone` the one that
 * stays.
 */
export function useOrder<T>({ list, nameOf, onOrder, onDone }: Ordering<T>): Order {
  const { order } = text.value;
  const root = useRef<HTMLElement>(null);
  const drag = useRef<Drag<T> | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const [said, setSaid] = useState("");
  // The button that was pressed goes along with its member.
  const focusAt = useRef<{ readonly index: number; readonly way: string } | null>(null);
  useLayoutEffect(() => {
    const wish = focusAt.current;
    if (wish === null) return;
    focusAt.current = null;
    const row = root.current?.querySelectorAll<HTMLElement>("[data-member]")[wish.index];
    row?.querySelector<HTMLElement>(`[data-way="${wish.way}"]`)?.focus();
  });

  const say = (all: readonly T[], index: number): void => {
    const member = all[index];
    if (member !== undefined) setSaid(order.moved(nameOf(member), index + 1, all.length));
  };
  const step = (from: number, way: "up" | "down"): void => {
    const to = way === "up" ? from - 1 : from + 1;
    if (to < 0 || to >= list.length) return;
    const all = moved(list, from, to);
    focusAt.current = { index: to, way };
    onDone(all);
    say(all, to);
  };
  const end = (isKept: boolean): void => {
    const ended = drag.current;
    drag.current = null;
    setDragged(null);
    if (ended === null) return;
    if (isKept) {
      onDone(ended.list);
      say(ended.list, ended.at);
    } else onOrder(ended.before);
  };
  const follow = (event: PointerEvent): void => {
    const now = drag.current;
    if (now === null) return;
    const rows = [...(root.current?.querySelectorAll<HTMLElement>("[data-member]") ?? [])];
    const to = placeOf(
      rows.map((row) => row.getBoundingClientRect()),
      now.at,
      event.clientY,
    );
    if (event.clientY < EDGE_PX) window.scrollBy(0, -SCROLL_PX);
    if (event.clientY > window.innerHeight - EDGE_PX) window.scrollBy(0, SCROLL_PX);
    if (to === now.at) return;
    now.list = moved(now.list, now.at, to);
    now.at = to;
    onOrder(now.list);
    setDragged(to);
  };
  // What is pressed elsewhere while something is dragged.
  const stop = useRef(end);
  stop.current = end;
  useEffect(() => {
    if (dragged === null) return undefined;
    const pressed = (event: KeyboardEvent): void => {
      if (event.key === "Escape") stop.current(false);
    };
    window.addEventListener("keydown", pressed);
    return () => {
      window.removeEventListener("keydown", pressed);
    };
  }, [dragged === null]);

  const button = (index: number, way: "up" | "down"): JSX.Element => {
    const member = list[index];
    const name = member === undefined ? "" : nameOf(member);
    const isEnd = way === "up" ? index === 0 : index === list.length - 1;
    const label = way === "up" ? order.up(name) : order.down(name);
    return (
      <button
        type="button"
        class="icon-button"
        data-way={way}
        // Not disabled: it would lose the focus that it has.
        aria-disabled={isEnd}
        aria-label={label}
        title={label}
        onClick={() => {
          step(index, way);
        }}
      >
        <Icon name={way} />
      </button>
    );
  };
  return {
    root: root as RefObject<never>,
    rowClass: (index) => (index === dragged ? "dragged" : ""),
    told: (
      <span class="unseen" role="status">
        {said}
      </span>
    ),
    moves: (index) =>
      list.length < 2 ? (
        <></>
      ) : (
        <span class="moves">
          {button(index, "up")}
          {button(index, "down")}
          <span
            class="grip"
            aria-hidden="true"
            title={order.drag}
            onPointerDown={(event) => {
              if (event.button !== 0) return;
              event.preventDefault();
              event.currentTarget.setPointerCapture(event.pointerId);
              drag.current = { before: list, list, at: index };
              setDragged(index);
            }}
            onPointerMove={follow}
            onPointerUp={() => {
              end(true);
            }}
            onPointerCancel={() => {
              end(false);
            }}
          >
            <Icon name="grip" />
          </span>
        </span>
      ),
  };
}
