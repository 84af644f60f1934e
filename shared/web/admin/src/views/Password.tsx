/** The form for another admin password: that of now, and the new one twice. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

import { ApiError, post } from "@common/api/client";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "../failure";
import { ask } from "../session";
import { text } from "../text";
import { Card } from "./parts";

const LEAST_PASSWORD = 8;
const MOST_PASSWORD = 128;

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
        <PasswordField
          label={server.currentPassword}
          autocomplete="current-password"
          value={current}
          onInput={(typed) => {
            setCurrent(typed);
            setOutcome("");
          }}
        >
          {!isSet && <span class="hint">{server.currentIsKey}</span>}
        </PasswordField>
        <PasswordField
          label={server.newPassword}
          autocomplete="new-password"
          value={wanted}
          isWrong={isShort}
          onInput={(typed) => {
            setWanted(typed);
            setOutcome("");
          }}
        >
          {isShort && <span class="problem">{server.short(LEAST_PASSWORD)}</span>}
        </PasswordField>
        <PasswordField
          label={server.again}
          autocomplete="new-password"
          value={again}
          isWrong={differs}
          onInput={setAgain}
        >
          {differs && <span class="problem">{server.differs}</span>}
        </PasswordField>
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

interface FieldProps {
  readonly label: string;
  readonly autocomplete: "current-password" | "new-password";
  readonly value: string;
  readonly isWrong?: boolean;
  readonly onInput: (typed: string) => void;
  /** What is said below the field. */
  readonly children: ComponentChildren;
}

function PasswordField({ label, autocomplete, value, isWrong, onInput, children }: FieldProps): JSX.Element {
  return (
    <label class="row">
      <span class="label">{label}</span>
      <input
        class="field"
        type="password"
        autocomplete={autocomplete}
        required
        maxLength={MOST_PASSWORD}
        value={value}
        aria-invalid={isWrong}
        onInput={(event) => {
          onInput(event.currentTarget.value);
        }}
      />
      {children}
    </label>
  );
}
