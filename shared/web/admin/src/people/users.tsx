/** People of the chat, and what is done with them. */
import type { JSX } from "preact";

import { post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { ago, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { ask } from "../session";
import { text } from "../text";
import { Action } from "../views/parts";

/** A user of the chat, as the API shows it to owners. */
export type User = Schema<"ChatUser">;

interface ActProps {
  readonly user: User;
  readonly onDone: () => void;
}

/** A button that shuts a user out of the chat, asking first, or lets one in again who is out. */
export function Enable({ user, isOut, onDone }: ActProps & { readonly isOut: boolean }): JSX.Element {
  const { people } = text.value;
  const body = { userId: user.id, enabled: isOut };
  return (
    <Action
      face={isOut ? people.letIn : people.shutOut}
      class={isOut ? "" : "danger"}
      {...(isOut ? {} : { sure: people.shutOutSure(user.displayName) })}
      act={() => ask((options) => post("/api/admin/chat/users/setenabled", body, options))}
      onDone={onDone}
    />
  );
}

/** A button that makes a user a moderator, or takes that back. */
export function Moderate(props: ActProps & { readonly isModerator: boolean }): JSX.Element {
  const { user, isModerator, onDone } = props;
  const { people } = text.value;
  const body = { userId: user.id, isModerator: !isModerator };
  return (
    <Action
      face={isModerator ? people.takeModerator : people.makeModerator}
      act={() => ask((options) => post("/api/admin/chat/users/setmoderator", body, options))}
      onDone={onDone}
    />
  );
}

/**
 * A list of users: their names, since when they are known or out, and the buttons that `children` gives for each;
 * `none` is said of an empty one.
 */
export function UserList(props: {
  readonly users: readonly User[];
  readonly none: string;
  readonly children: (user: User) => JSX.Element;
}): JSX.Element {
  if (props.users.length === 0) return <p class="quiet">{props.none}</p>;
  return (
    <ul class="list">
      {props.users.map((user) => (
        <li key={user.id}>
          <div class="list-main">
            <strong dir="auto">{user.displayName}</strong>
            <Facts user={user} />
          </div>
          {props.children(user)}
        </li>
      ))}
    </ul>
  );
}

/** Since when somebody is known, or shut out, and what else they called themselves. */
function Facts({ user }: { readonly user: User }): JSX.Element {
  const { people } = text.value;
  const { createdAt, disabledAt, previousNames, displayName } = user;
  const since = Date.parse(disabledAt ?? createdAt);
  const span = ago(locale.value, (Date.now() - since) / 1_000);
  const others = previousNames.filter((name) => name !== displayName);
  return (
    <p class="quiet small" title={dateAndTime(locale.value, since)}>
      {disabledAt === undefined ? people.cameFirst(span) : people.outSince(span)}
      {others.length > 0 && (
        <>
          {" · "}
          {people.before} <bdi>{others.slice(-3).join(", ")}</bdi>
        </>
      )}
    </p>
  );
}
