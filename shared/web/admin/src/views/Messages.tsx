/** What was said: sought, hidden, and shown again. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Html } from "@common/Html";
import { ago, count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { Enable, Moderate } from "../people/users";
import type { User } from "../people/users";
import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Action, Card, Loaded } from "./parts";

type Message = Schema<"ChatMessage">;

const EVERY_MS = 5_000;
/** As many are drawn at once; the search looks at all. */
const SHOWN = 100;

const WHICH = ["all", "shown", "hidden"] as const;
type Which = (typeof WHICH)[number];

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

/**
 * The part with the chat's messages, read every 5 s: the newest 100 of those that are sought, to be hidden or shown
 * again.
 */
export function Messages(): JSX.Element {
  const { messages } = text.value;
  const people = usePolled(read, EVERY_MS);
  const [sought, setSought] = useState("");
  const [which, setWhich] = useState<Which>("all");
  return (
    <Loaded of={people}>
      {({ messages: all, disabled, moderators }) => {
        const words = sought.trim().toLocaleLowerCase(locale.value);
        const found = all.filter(
          ({ user, body, visible }) =>
            (which === "all" || visible === (which === "shown")) &&
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
              <div class="filters">
                <label class="grow">
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
                <label>
                  <span class="unseen">{messages.which}</span>
                  <select
                    class="field"
                    value={which}
                    onChange={(event) => {
                      setWhich(WHICH.find((one) => one === event.currentTarget.value) ?? "all");
                    }}
                  >
                    {WHICH.map((one) => (
                      <option key={one} value={one}>
                        {messages.kinds[one]}
                      </option>
                    ))}
                  </select>
                </label>
              </div>
              {found.length === 0 && (
                <p class="quiet">{all.length === 0 ? messages.none : messages.notFound}</p>
              )}
              {found.length > SHOWN && (
                <p class="hint">
                  {messages.newestOf(count(locale.value, SHOWN), count(locale.value, found.length))}
                </p>
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
          </>
        );
      }}
    </Loaded>
  );
}

function MessageLine(props: {
  readonly message: Message;
  readonly isModerator: boolean;
  readonly isOut: boolean;
  readonly onDone: () => void;
}): JSX.Element {
  const { messages, people } = text.value;
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
          {isModerator && <span class="tag">{people.moderator}</span>}
          {isOut && <span class="tag bad">{people.isOut}</span>}
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
