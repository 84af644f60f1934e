/** What was said, who is shut out, and who moderates. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Html } from "@common/Html";
import { ago, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Action, Card, Loaded } from "./parts";

type Message = Schema<"ChatMessage">;
type User = Schema<"ChatUser">;

const EVERY_MS = 5_000;
/** As many are drawn at once; the search looks at all. */
const SHOWN = 100;

interface People {
  readonly messages: readonly Message[];
  readonly disabled: readonly User[];
  readonly moderators: readonly User[];
}

async function read(): Promise<People> {
  const [messages, disabled, moderators] = await Promise.all([
    ask((options) => get("/api/admin/chat/messages", options)),
    ask((options) => get("/api/admin/chat/users/disabled", options)),
    ask((options) => get("/api/admin/chat/users/moderators", options)),
  ]);
  return { messages, disabled, moderators };
}

export function Messages(): JSX.Element {
  const { messages } = text.value;
  const people = usePolled(read, EVERY_MS);
  const [sought, setSought] = useState("");
  return (
    <Loaded of={people}>
      {({ messages: all, disabled, moderators }) => {
        const words = sought.trim().toLocaleLowerCase(locale.value);
        const found = all.filter(({ user, body }) =>
          `${user.displayName} ${body}`.toLocaleLowerCase(locale.value).includes(words),
        );
        const newest = [...found]
          .sort((one, other) => Date.parse(other.timestamp) - Date.parse(one.timestamp))
          .slice(0, SHOWN);
        const isModerator = (user: User): boolean => moderators.some(({ id }) => id === user.id);
        const isOut = (user: User): boolean => disabled.some(({ id }) => id === user.id);
        return (
          <>
            <Card title={messages.title}>
              <label class="row">
                <span class="unseen">{messages.search}</span>
                <input
                  class="field"
                  type="search"
                  placeholder={messages.search}
                  value={sought}
                  onInput={(event) => {
                    setSought(event.currentTarget.value);
                  }}
                />
              </label>
              {found.length === 0 && (
                <p class="quiet">{all.length === 0 ? messages.none : messages.notFound}</p>
              )}
              <ul class="list">
                {newest.map((message) => (
                  <MessageLine
                    key={message.id}
                    message={message}
                    isModerator={isModerator(message.user)}
                    isOut={isOut(message.user)}
                    onDone={people.refresh}
                  />
                ))}
              </ul>
            </Card>
            <div class="columns">
              <Card title={messages.out}>
                <UserList users={disabled} none={messages.nobodyOut}>
                  {(user) => <Enable user={user} isOut onDone={people.refresh} />}
                </UserList>
              </Card>
              <Card title={messages.moderators}>
                <UserList users={moderators} none={messages.noModerators}>
                  {(user) => <Moderate user={user} isModerator onDone={people.refresh} />}
                </UserList>
              </Card>
            </div>
          </>
        );
      }}
    </Loaded>
  );
}

interface ActProps {
  readonly user: User;
  readonly onDone: () => void;
}

function Enable({ user, isOut, onDone }: ActProps & { readonly isOut: boolean }): JSX.Element {
  const { messages } = text.value;
  const body = { userId: user.id, enabled: isOut };
  return (
    <Action
      face={isOut ? messages.letIn : messages.shutOut}
      class={isOut ? "" : "danger"}
      {...(isOut ? {} : { sure: messages.shutOutSure(user.displayName) })}
      act={() => ask((options) => post("/api/admin/chat/users/setenabled", body, options))}
      onDone={onDone}
    />
  );
}

function Moderate({ user, isModerator, onDone }: ActProps & { readonly isModerator: boolean }): JSX.Element {
  const { messages } = text.value;
  const body = { userId: user.id, isModerator: !isModerator };
  return (
    <Action
      face={isModerator ? messages.takeModerator : messages.makeModerator}
      act={() => ask((options) => post("/api/admin/chat/users/setmoderator", body, options))}
      onDone={onDone}
    />
  );
}

function MessageLine(props: {
  readonly message: Message;
  readonly isModerator: boolean;
  readonly isOut: boolean;
  readonly onDone: () => void;
}): JSX.Element {
  const { messages } = text.value;
  const { message, isModerator, isOut, onDone } = props;
  const { id, user, visible, body, timestamp } = message;
  const at = Date.parse(timestamp);
  return (
    <li class={visible ? "" : "is-hidden"}>
      <div class="list-main">
        <p>
          <strong dir="auto">{user.displayName}</strong>{" "}
          <time class="quiet small" dateTime={timestamp} title={dateAndTime(locale.value, at)}>
            {ago(locale.value, (Date.now() - at) / 1_000)}
          </time>
          {isModerator && <span class="tag">{messages.moderator}</span>}
          {isOut && <span class="tag bad">{messages.isOut}</span>}
          {!visible && <span class="tag">{messages.hidden}</span>}
        </p>
        <Html class="said" html={body} pictures="own" />
      </div>
      <div class="list-actions">
        <Action
          face={visible ? messages.hide : messages.show}
          act={() =>
            ask((options) =>
              post("/api/admin/chat/messagevisibility", { idArray: [id], visible: !visible }, options),
            )
          }
          onDone={onDone}
        />
        <Enable user={user} isOut={isOut} onDone={onDone} />
        {/* A program is given what it may do by its token. */}
        {user.isBot !== true && <Moderate user={user} isModerator={isModerator} onDone={onDone} />}
      </div>
    </li>
  );
}

function UserList(props: {
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
          </div>
          {props.children(user)}
        </li>
      ))}
    </ul>
  );
}
