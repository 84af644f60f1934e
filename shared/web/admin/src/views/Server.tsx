/** Who comes in: the admin password, who is logged in by it, and the keys of those who publish. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { ApiError, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "../failure";
import { store } from "../field/useField";
import { ask, logOut } from "../session";
import { text } from "../text";
import { newKey } from "./key";
import { Action, Card, Copyable, Settings } from "./parts";

const LEAST_PASSWORD = 8;
const MOST_PASSWORD = 128;
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

/** A wrong password of now is the usual reason why a new one is refused, so it has words of its own. */
function wordsOfRefusal(error: unknown): string {
  return error instanceof ApiError && error.status === 403
    ? text.value.server.wrongCurrent
    : wordsOfFailure(error);
}

/**
 * The card that changes the admin password, 8 to 128 characters long. `isApart` is false while there is none and the
 * stream key counts in its place.
 */
export function Password({ isApart }: { readonly isApart: boolean }): JSX.Element {
  const { server, form, when } = text.value;
  const [isSet, setSet] = useState(isApart);
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const [again, setAgain] = useState("");
  const [outcome, setOutcome] = useState<"" | "saving" | "saved" | "failed">("");
  const [problem, setProblem] = useState("");
  const isShort = wanted !== "" && wanted.length < LEAST_PASSWORD;
  const differs = again !== "" && again !== wanted;
  const isComplete = current !== "" && wanted !== "" && !isShort && again === wanted;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!isComplete) return;
    setOutcome("saving");
    const change = { value: wanted, currentPassword: current };
    ask((options) => post("/api/admin/config/adminpass", change, options)).then(
      () => {
        setOutcome("saved");
        setSet(true);
        setCurrent("");
        setWanted("");
        setAgain("");
      },
      (error: unknown) => {
        setOutcome("failed");
        setProblem(wordsOfRefusal(error));
      },
    );
  };
  return (
    <Card title={server.password} intro={server.passwordIntro} when={when.atOnce}>
      {!isSet && (
        <p class="notice warn">
          <Icon name="warn" />
          {server.notApart}
        </p>
      )}
      <form onSubmit={submit}>
        <input
          type="text"
          name="username"
          value="admin"
          autocomplete="username"
          readOnly
          class="unseen"
          tabIndex={-1}
          aria-hidden="true"
        />
        <label class="row">
          <span class="label">{server.currentPassword}</span>
          <input
            class="field"
            type="password"
            autocomplete="current-password"
            required
            maxLength={MOST_PASSWORD}
            value={current}
            onInput={(event) => {
              setCurrent(event.currentTarget.value);
              setOutcome("");
            }}
          />
          {!isSet && <span class="hint">{server.currentIsKey}</span>}
        </label>
        <label class="row">
          <span class="label">{server.newPassword}</span>
          <input
            class="field"
            type="password"
            autocomplete="new-password"
            required
            maxLength={MOST_PASSWORD}
            value={wanted}
            aria-invalid={isShort}
            onInput={(event) => {
              setWanted(event.currentTarget.value);
              setOutcome("");
            }}
          />
          {isShort && <span class="problem">{server.short(LEAST_PASSWORD)}</span>}
        </label>
        <label class="row">
          <span class="label">{server.again}</span>
          <input
            class="field"
            type="password"
            autocomplete="new-password"
            required
            maxLength={MOST_PASSWORD}
            value={again}
            aria-invalid={differs}
            onInput={(event) => {
              setAgain(event.currentTarget.value);
            }}
          />
          {differs && <span class="problem">{server.differs}</span>}
        </label>
        <div class="buttons">
          <button type="submit" class="button primary" disabled={!isComplete || outcome === "saving"}>
            {server.change}
          </button>
          <span class={`outcome ${outcome}`} role="status">
            {outcome === "saved" && (
              <>
                <Icon name="check" />
                {form.saved}
              </>
            )}
            {outcome === "failed" && problem}
          </span>
        </div>
      </form>
    </Card>
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
