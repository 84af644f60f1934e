/** The question for the password. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { ApiError } from "@common/api/client";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "./failure";
import { ended, logIn } from "./session";
import { text } from "./text";

export function Login(): JSX.Element {
  const { login, failure } = text.value;
  const field = useRef<HTMLInputElement>(null);
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState("");
  const said = problem !== "" ? problem : ended.value === "refused" ? login.ended : "";

  const submit = (event: Event): void => {
    event.preventDefault();
    const secret = field.current?.value ?? "";
    if (secret === "" || isAsking) return;
    setAsking(true);
    logIn(secret).catch((error: unknown) => {
      setAsking(false);
      const isWrong = error instanceof ApiError && error.status === 401;
      setProblem(isWrong ? failure.password : wordsOfFailure(error));
      field.current?.select();
    });
  };

  return (
    <main class="login">
      <form class="card login-card" onSubmit={submit}>
        <img class="login-logo" src="/logo" alt="" width="56" height="56" />
        <h1>{login.title}</h1>
        <p class="quiet">{login.intro}</p>
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
        <label class="label" for="password">
          {login.password}
        </label>
        <input
          ref={field}
          id="password"
          class="field"
          type="password"
          name="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby="login-problem"
          aria-invalid={problem !== ""}
        />
        <p id="login-problem" class="problem" role="alert">
          {said !== "" && (
            <>
              <Icon name="warn" />
              {said}
            </>
          )}
        </p>
        <button type="submit" class="button primary wide" disabled={isAsking}>
          {isAsking ? login.asking : login.enter}
        </button>
        <p class="quiet small">{login.hint}</p>
      </form>
    </main>
  );
}
