/** The line that a viewer writes: text, caret, what is offered for it, and what keys do. `Composer.tsx` shows it. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { config } from "../server";
import { accept, complete } from "./complete";
import type { Completion, Offer } from "./complete";
import { draft } from "./draft";
import type { Room } from "./room";

/** Of the object around what is written, in bytes. */
const AROUND_BYTES = 64;
/** The longest message, in bytes, while the server has not said it. */
const USUAL_MOST_BYTES = 2_048;
/** Names of so many of the newest lines are offered. */
const LINES_OF_NAMES = 300;

/** A line while it is written, and what can be done with it. */
export interface Writing {
  /** The field that has the text. */
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly typed: string;
  /** How many bytes more the server takes in this line; below 0 it is too long. */
  readonly leftBytes: number;
  readonly canSend: boolean;
  readonly completion: Completion | undefined;
  /** Index of the offer that a key takes. */
  readonly chosen: number;
  /** Another text, with the caret at a place in it. */
  readonly change: (to: string, caret: number) => void;
  readonly moveCaret: (to: number) => void;
  /** Puts a text in place of what is selected, or at the caret. */
  readonly insert: (what: string) => void;
  /** Puts an offer in place of what was typed from a place on. */
  readonly take: (from: number, offer: Offer) => void;
  /** Sends the line where it can be sent, and begins another. */
  readonly send: () => void;
  readonly key: (event: KeyboardEvent) => void;
}

/** Writes lines to a room, also what other parts of the page wish for (`draft.ts`). */
export function useWriting(room: Room): Writing {
  const { field, typed, caret, setTyped, moveCaret, putCaret } = useTyped();
  const [chosen, setChosen] = useState(0);
  const [isDismissed, setDismissed] = useState(false);
  const names = (): string[] => namesOf(room);
  const completion = isDismissed ? undefined : complete(typed, caret, names, room.own.value);
  const leftBytes = leftOf(typed);
  const isTaken = room.state.value === "open" && room.refusal.value !== "flooding";
  const canSend = isTaken && typed.trim() !== "" && leftBytes >= 0;

  const change = (to: string, at: number): void => {
    setTyped(to);
    moveCaret(at);
    setChosen(0);
    setDismissed(false);
  };
  const insert = (what: string): void => {
    const at = field.current?.selectionStart ?? typed.length;
    putCaret(at + what.length);
    change(typed.slice(0, at) + what + typed.slice(field.current?.selectionEnd ?? at), at + what.length);
    field.current?.focus();
  };
  const take = (from: number, offer: Offer): void => {
    const taken = accept(typed, caret, from, offer);
    putCaret(taken.caret);
    change(taken.text, taken.caret);
  };
  const send = (): void => {
    if (!canSend) return;
    room.send(typed);
    change("", 0);
  };

  const wish = draft.value;
  useEffect(() => {
    if (wish !== undefined) insert(wish.text);
    // Only a new wish is one.
  }, [wish]);

  /** Whether the key was meant for the offers. */
  const steer = (pressed: string, { from, offers }: Completion): boolean => {
    const offer = offers[chosen];
    if (offer === undefined) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[pressed];
    if (step !== undefined) setChosen((chosen + step + offers.length) % offers.length);
    else if (pressed === "Tab" || pressed === "Enter") take(from, offer);
    else if (pressed === "Escape") setDismissed(true);
    else return false;
    return true;
  };
  const key = (event: KeyboardEvent): void => {
    if (completion !== undefined && steer(event.key, completion)) {
      event.preventDefault();
      return;
    }
    // While an input method composes, Enter is its own.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };
  return { field, typed, leftBytes, canSend, completion, chosen, change, moveCaret, insert, take, send, key };
}

interface Typed {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly typed: string;
  readonly caret: number;
  readonly setTyped: (to: string) => void;
  /** Tells where the caret is. */
  readonly moveCaret: (to: number) => void;
  /** Puts the caret there once the text that comes is drawn. */
  readonly putCaret: (to: number) => void;
}

/** The text of a field that is as high as its text. */
function useTyped(): Typed {
  const field = useRef<HTMLTextAreaElement>(null);
  const [typed, setTyped] = useState("");
  const [caret, moveCaret] = useState(0);
  const nextCaret = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight + 2}px`;
    if (nextCaret.current !== undefined) element.setSelectionRange(nextCaret.current, nextCaret.current);
    nextCaret.current = undefined;
  }, [typed]);
  const putCaret = (to: number): void => {
    nextCaret.current = to;
  };
  return { field, typed, caret, setTyped, moveCaret, putCaret };
}

/** How many bytes more the server takes. */
function leftOf(typed: string): number {
  const most = (config.value?.maxSocketPayloadSize ?? USUAL_MOST_BYTES) - AROUND_BYTES;
  return most - new TextEncoder().encode(JSON.stringify(typed)).length;
}

/** Who wrote lately, the last of them first, but for the viewer. */
function namesOf(room: Room): string[] {
  const me = room.me.value?.name;
  const names = room.lines
    .peek()
    .slice(-LINES_OF_NAMES)
    .flatMap(({ user }) => user?.name ?? []);
  return [...new Set(names.reverse())].filter((name) => name !== me);
}
