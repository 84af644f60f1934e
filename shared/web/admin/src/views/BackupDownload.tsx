/**
 * Downloading a backup. It has all secrets of the server, so it is asked for with the password, and only the origin's own
 * address gives it; at an edge the server's refusal says where it is to be had.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { ApiError, download } from "@common/api/client";
import type { Downloaded } from "@common/api/client";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "../failure";
import { ask } from "../session";
import { text } from "../text";

type Outcome =
  | { readonly at: "idle" | "waiting" }
  | { readonly at: "done"; readonly name: string }
  | { readonly at: "failed"; readonly why: string };

/** What the server says of a wrong password, as openapi.yaml has it; other refusals are told in its own words. */
const WRONG_PASSWORD = "currentPassword is not the admin password";

/** A form that asks for the admin password and downloads a backup, and says which file that is or why there is none. */
export function BackupDownload(): JSX.Element {
  const { about, server } = text.value;
  const [password, setPassword] = useState("");
  const [outcome, setOutcome] = useState<Outcome>({ at: "idle" });
  const submit = (event: Event): void => {
    event.preventDefault();
    setOutcome({ at: "waiting" });
    ask((options) => download("/api/admin/backup", { currentPassword: password }, options)).then(
      (file) => {
        keep(file);
        setPassword("");
        setOutcome({ at: "done", name: file.name });
      },
      (error: unknown) => {
        const isWrong = error instanceof ApiError && error.message === WRONG_PASSWORD;
        setOutcome({ at: "failed", why: isWrong ? server.wrongCurrent : wordsOfFailure(error) });
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <label class="row">
        <span class="label">{server.currentPassword}</span>
        <input
          class="field"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={(event) => {
            setPassword(event.currentTarget.value);
          }}
        />
        <span class="hint">{about.backupPassword}</span>
      </label>
      <div class="actions">
        <button type="submit" class="button primary" disabled={outcome.at === "waiting" || password === ""}>
          {outcome.at === "waiting" ? about.makingBackup : about.downloadBackup}
        </button>
      </div>
      <p role="status" class="outcome">
        {outcome.at === "done" && about.backupDone(outcome.name)}
      </p>
      {outcome.at === "failed" && (
        <p role="alert" class="notice warn">
          <Icon name="warn" />
          {outcome.why}
        </p>
      )}
    </form>
  );
}

/** Gives a file to the browser, which puts it where downloads go. */
function keep({ bytes, name }: Downloaded): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  // The browser has begun by the next turn.
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 0);
}
