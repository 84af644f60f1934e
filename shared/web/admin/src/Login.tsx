/** The question for the password. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { ApiError } from "@common/api/client";
import { Dialog } from "@common/dialog";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "./failure";
import { logIn, resume, standing, trouble } from "./session";
import { text } from "./text";

/** What is shown while nobody is logged in. */
export function Login(): JSX.Element {
  return (
    <main class="login">
      {standing.value === "out" && <Question />}
      {standing.value === "unknown" && <Unanswered />}
    </main>
  );
}

/** Asks above what is shown, where a session has ended: everything that was typed stays beneath. */
export function LoginAgain(): JSX.Element {
  return (
    <Dialog label={text.value.login.again} class="login-again">
      <Question isAgain />
    </Dialog>
  );
}

function Unanswered(): JSX.Element {
  return (
    <div class="card login-card">
      <p class="notice bad" role="alert">
        <Icon name="warn" />
        {wordsOfFailure(trouble.value)}
      </p>
      <button type="button" class="button primary wide" onClick={() => void resume()}>
        {text.value.tryAgain}
      </button>
    </div>
  );
}

function Question({ isAgain = false }: { readonly isAgain?: boolean }): JSX.Element {
  const { login, failure } = text.value;
  const field = useRef<HTMLInputElement>(null);
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState("");

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
    <form class="card login-card" onSubmit={submit}>
      <img class="login-logo" src="/logo" alt="" width="56" height="56" />
      <h1>{isAgain ? login.again : login.title}</h1>
      <p class="quiet">{isAgain ? login.ended : login.intro}</p>
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
        {problem !== "" && (
          <>
            <Icon name="warn" />
            {problem}
          </>
        )}
      </p>
      <button type="submit" class="button primary wide" disabled={isAsking}>
        {isAsking ? login.asking : login.enter}
      </button>
      <p class="quiet small">{login.hint}</p>
    </form>
  );
}
