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

type Way = "up" | "down";

/** The button that was pressed goes along with its member. */
interface Wish {
  readonly index: number;
  readonly way: Way;
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
  const [said, setSaid] = useState("");
  const focus = useFocus(root);
  const say = (all: readonly T[], index: number): void => {
    const member = all[index];
    if (member !== undefined) setSaid(order.moved(nameOf(member), index + 1, all.length));
  };
  const { dragged, begin, follow, end } = useDrag(root, onOrder, (all, index) => {
    onDone(all);
    say(all, index);
  });
  const step = (from: number, way: Way): void => {
    const to = way === "up" ? from - 1 : from + 1;
    if (to < 0 || to >= list.length) return;
    const all = moved(list, from, to);
    focus({ index: to, way });
    onDone(all);
    say(all, to);
  };
  const button = (index: number, way: Way): JSX.Element => {
    const member = list[index];
    return (
      <StepButton
        way={way}
        name={member === undefined ? "" : nameOf(member)}
        isEnd={way === "up" ? index === 0 : index === list.length - 1}
        onPress={() => {
          step(index, way);
        }}
      />
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
          <Grip
            onGrasp={() => {
              begin(list, index);
            }}
            onMove={follow}
            onEnd={end}
          />
        </span>
      ),
  };
}

/** Gives what puts the focus on a member's button once the list is drawn in its next order. */
function useFocus(root: RefObject<HTMLElement | null>): (wish: Wish) => void {
  const wished = useRef<Wish | null>(null);
  useLayoutEffect(() => {
    const wish = wished.current;
    if (wish === null) return;
    wished.current = null;
    const row = root.current?.querySelectorAll<HTMLElement>("[data-member]")[wish.index];
    row?.querySelector<HTMLElement>(`[data-way="${wish.way}"]`)?.focus();
  });
  return (wish) => {
    wished.current = wish;
  };
}

interface Dragging<T> {
  /** Index of the member that is dragged; null while none is. */
  readonly dragged: number | null;
  readonly begin: (list: readonly T[], index: number) => void;
  /** The pointer moved. */
  readonly follow: (event: PointerEvent) => void;
  /** Ends it: the order stays as it is, or is what it was before. */
  readonly end: (isKept: boolean) => void;
}

/** Drags a member until it is let go or Escape is pressed. `onKept` is told the order and the member's place in it. */
function useDrag<T>(
  root: RefObject<HTMLElement | null>,
  onOrder: (list: readonly T[]) => void,
  onKept: (list: readonly T[], index: number) => void,
): Dragging<T> {
  const drag = useRef<Drag<T> | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const end = (isKept: boolean): void => {
    const ended = drag.current;
    drag.current = null;
    setDragged(null);
    if (ended === null) return;
    if (isKept) onKept(ended.list, ended.at);
    else onOrder(ended.before);
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
  return {
    dragged,
    begin: (list, index) => {
      drag.current = { before: list, list, at: index };
      setDragged(index);
    },
    follow: (event) => {
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
    },
    end,
  };
}

interface StepProps {
  readonly way: Way;
  /** Of the member that the button moves. */
  readonly name: string;
  /** The member cannot go any further this way. */
  readonly isEnd: boolean;
  readonly onPress: () => void;
}

function StepButton({ way, name, isEnd, onPress }: StepProps): JSX.Element {
  const { order } = text.value;
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
      onClick={onPress}
    >
      <Icon name={way} />
    </button>
  );
}

interface GripProps {
  readonly onGrasp: () => void;
  readonly onMove: (event: PointerEvent) => void;
  readonly onEnd: (isKept: boolean) => void;
}

/** What a pointer drags a member by. */
function Grip({ onGrasp, onMove, onEnd }: GripProps): JSX.Element {
  return (
    <span
      class="grip"
      aria-hidden="true"
      title={text.value.order.drag}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        onGrasp();
      }}
      onPointerMove={onMove}
      onPointerUp={() => {
        onEnd(true);
      }}
      onPointerCancel={() => {
        onEnd(false);
      }}
    >
      <Icon name="grip" />
    </span>
  );
}
