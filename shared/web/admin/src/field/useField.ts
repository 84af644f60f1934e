/** A field of a form and the setter of the API that saves it. */
import { useEffect, useRef, useState } from "preact/hooks";

import { post } from "@common/api/client";

import { wordsOfFailure } from "../failure";
import { ask } from "../session";
import { begin, isSame, next } from "./state";
import type { Field, FieldEvent } from "./state";

/** What sets one value: `POST {value}` below `/api/admin/config/`. */
export type Setter = `/api/admin/config/${
  | "name"
  | "serversummary"
  | "streamtitle"
  | "pagecontent"
  | "offlinemessage"
  | "welcomemessage"
  | "tags"
  | "nsfw"
  | "socialhandles"
  | "hideviewercount"
  | "serverurl"
  | "directoryenabled"
  | "streamkeys"
  | "adminpass"
  | "video/streamlatencylevel"
  | "video/streamoutputvariants"
  | "video/codec"
  | "chat/disable"
  | "chat/joinmessagesenabled"
  | "chat/establishedusermode"
  | "chat/forbiddenusernames"
  | "chat/suggestedusernames"}`;

export async function store(setter: Setter, value: unknown): Promise<void> {
  // The setters differ in the type of their value only, which is that of the setting in `serverconfig`.
  await ask((options) => post(setter, { value } as never, options));
}

export interface Editing<T> {
  readonly field: Field<T>;
  readonly edit: (draft: T) => void;
  /** Saves what is typed, or a given value, unless the server has it already. */
  readonly save: (value?: T) => void;
  readonly undo: () => void;
}

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
  // One after another, so that the last of two quick changes is the one that stays.
  const queue = useRef<Promise<void>>(Promise.resolve());
  const send = (value: T): void => {
    happen({ kind: "sent" });
    queue.current = queue.current
      .then(() => store(setter, value))
      .then(
        () => {
          happen({ kind: "stored", value });
        },
        (error: unknown) => {
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
      if (isSame(now.current.draft, now.current.kept)) return;
      send(now.current.draft);
    },
    undo: () => {
      happen({ kind: "undone" });
    },
  };
}
