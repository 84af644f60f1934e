/** A field of a form and the setter of the API that saves it. */
import { useEffect, useRef, useState } from "preact/hooks";

import { post } from "@common/api/client";

import { wordsOfFailure } from "../failure";
import { ask } from "../session";
import { begin, isSame, next, undone } from "./state";
import type { Field, FieldEvent } from "./state";

/** What sets one value: `POST {value}` below `/api/admin/config/`. */
export type Setter = `/api/admin/config/${
  | "name"
  | "serversummary"
  | "streamtitle"
  | "pagecontent"
  | "offlinemessage"
  | "welcomemessage"
  | "customstyles"
  | "appearance"
  | "externalactions"
  | "logo"
  | "s3"
  | "tags"
  | "nsfw"
  | "socialhandles"
  | "hideviewercount"
  | "serverurl"
  | "directoryenabled"
  | "streamkeys"
  | "video/streamlatencylevel"
  | "video/streamoutputvariants"
  | "video/codec"
  | "chat/disable"
  | "chat/joinmessagesenabled"
  | "chat/establishedusermode"
  | "chat/retention"
  | "chat/forbiddenusernames"
  | "chat/suggestedusernames"}`;

/**
 * Has the server store a setting's value, of the type that it has in `serverconfig`. Throws an `ApiError` where the
 * server refuses or does not answer.
 */
export async function store(setter: Setter, value: unknown): Promise<void> {
  // The setters differ in the type of their value only, which is that of the setting in `serverconfig`.
  await ask((options) => post(setter, { value } as never, options));
}

/** A setting that a component edits: its field, and what can be done with it. */
export interface Editing<T> {
  readonly field: Field<T>;
  readonly edit: (draft: T) => void;
  /** Saves what is typed, or a given value, unless the server has it already. */
  readonly save: (value?: T) => void;
  /** Goes back, at the server as well if the change is there already. Returns what it went back to. */
  readonly undo: () => T;
}

/**
 * Edits a setting that is `kept` at first. Values are saved one after another; a refusal is told in the field and
 * never thrown.
 */
export function useField<T>(kept: T, setter: Setter): Editing<T> {
  const [field, setField] = useState(() => begin(kept));
  const now = useRef(field);
  const isThere = useRef(true);
  useEffect(
    () => () => {
      isThere.current = false;
    },
    [],
  );
  const happen = (event: FieldEvent<T>): void => {
    now.current = next(now.current, event);
    if (isThere.current) setField(now.current);
  };
  // What the server has once all that is on its way has arrived: going back to what it has now is a change as well then.
  const coming = useRef(kept);
  // One after another, so that the last of two quick changes is the one that stays.
  const queue = useRef<Promise<void>>(Promise.resolve());
  const send = (value: T): void => {
    coming.current = value;
    happen({ kind: "sent" });
    queue.current = queue.current
      .then(() => store(setter, value))
      .then(
        () => {
          happen({ kind: "stored", value });
        },
        (error: unknown) => {
          if (coming.current === value) coming.current = now.current.kept;
          happen({ kind: "failed", problem: wordsOfFailure(error) });
        },
      );
  };
  return {
    field,
    edit: (draft) => {
      happen({ kind: "edited", draft });
    },
    save: (value) => {
      if (value !== undefined) happen({ kind: "edited", draft: value });
      if (isSame(now.current.draft, coming.current)) return;
      send(now.current.draft);
    },
    undo: () => {
      const to = undone(now.current);
      if (isSame(to, coming.current)) happen({ kind: "undone" });
      else {
        happen({ kind: "edited", draft: to });
        send(to);
      }
      return to;
    },
  };
}
