/** Who comes in: the admin password, who is logged in by it, and the keys of those who publish. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Schema } from "@common/api/client";

import { store } from "../field/useField";
import { logOut } from "../session";
import { text } from "../text";
import { newKey } from "./key";
import { Action, Card, Copyable, Settings } from "./parts";
import { Password } from "./Password";

const MOST_KEYS = 8;

/** The part with the admin password, who is logged in by it, and the stream keys. */
export function Server(): JSX.Element {
  return (
    <Settings>
      {(config) => (
        <>
          <Password isApart={config.adminPasswordSet} />
          <Sessions />
          <Keys kept={config.streamKeys} />
        </>
      )}
    </Settings>
  );
}

function Sessions(): JSX.Element {
  const { sessions } = text.value;
  return (
    <Card title={sessions.title} intro={sessions.intro}>
      <div class="buttons">
        <Action face={sessions.end} act={() => logOut("everywhere")} sure={sessions.sure} />
      </div>
    </Card>
  );
}

type Key = Schema<"ServerConfig">["streamKeys"][number];

function Keys({ kept }: { readonly kept: readonly Key[] }): JSX.Element {
  const { server, when } = text.value;
  const [keys, setKeys] = useState(kept);
  const [comment, setComment] = useState("");
  const [made, setMade] = useState<Key | null>(null);
  const set = async (wanted: readonly Key[]): Promise<void> => {
    await store("/api/admin/config/streamkeys", wanted);
    setKeys(wanted);
  };
  const fresh = (): Key => ({ key: newKey(), comment: comment.trim() });
  return (
    <Card title={server.keys} intro={server.keysIntro} when={when.nextEncoder}>
      <ul class="list">
        {keys.map((key, index) => (
          <li key={key.key}>
            <div class="list-main">
              <strong dir="auto">{key.comment === "" ? server.unnamed(index + 1) : key.comment}</strong>
              <code class="quiet small">{key === made ? key.key : server.hidden}</code>
            </div>
            <Action
              face={server.remove}
              class="danger"
              disabled={keys.length === 1}
              sure={server.removeSure}
              act={() => set(keys.filter((_, at) => at !== index))}
              onDone={() => {
                if (made === key) setMade(null);
              }}
            />
          </li>
        ))}
      </ul>
      {made !== null && (
        <div class="notice good">
          <Copyable label={server.shownOnce} value={made.key} />
        </div>
      )}
      <AddKey
        comment={comment}
        onComment={setComment}
        isFull={keys.length >= MOST_KEYS}
        act={async () => {
          const key = fresh();
          await set([...keys, key]);
          setMade(key);
        }}
      />
    </Card>
  );
}

function AddKey(props: {
  readonly comment: string;
  readonly onComment: (comment: string) => void;
  readonly isFull: boolean;
  readonly act: () => Promise<void>;
}): JSX.Element {
  const { server } = text.value;
  return (
    <div class="buttons add">
      <label class="grow">
        <span class="small quiet">{server.forWhom}</span>
        <input
          class="field"
          dir="auto"
          maxLength={255}
          value={props.comment}
          onInput={(event) => {
            props.onComment(event.currentTarget.value);
          }}
        />
      </label>
      <Action
        face={server.addKey}
        disabled={props.isFull}
        act={props.act}
        onDone={() => {
          props.onComment("");
        }}
      />
    </div>
  );
}
