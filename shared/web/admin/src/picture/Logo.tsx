/** The logo: what it is, and another one, looked at before it is taken. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { Icon } from "@common/icons";

import { store } from "../field/useField";
import { text } from "../text";
import { Action, Card } from "../views/parts";
import { Drop } from "./Drop";
import { dataUri } from "./file";

/** The API's body may have 2 MiB; Base64 makes four bytes of three. */
const RULES = { types: ["image/png", "image/jpeg", "image/svg+xml", "image/gif"], mostBytes: 1_500_000 };

/**
 * The card of the logo: as it is on light and on dark ground, and a field for another file of at most 1.5 MB, which
 * is sent once it was looked at.
 */
export function Logo(): JSX.Element {
  const { page, form, cancel, when } = text.value;
  const [chosen, setChosen] = useState<string | null>(null);
  const [kept, setKept] = useState("/logo");
  const [isSaved, setSaved] = useState(false);
  const shown = chosen ?? kept;
  return (
    <Card
      title={page.logo}
      when={when.soon}
      actions={
        <span class="outcome saved" role="status">
          {isSaved && (
            <>
              <Icon name="check" />
              {form.saved}
            </>
          )}
        </span>
      }
    >
      <div class="logo-row">
        <div class="logo-grounds" aria-hidden="true">
          <span class="logo-ground light">
            <img src={shown} alt="" width="64" height="64" />
          </span>
          <span class="logo-ground dark">
            <img src={shown} alt="" width="64" height="64" />
          </span>
        </div>
        {chosen === null ? (
          <Drop
            label={page.chooseLogo}
            rules={RULES}
            onFiles={([file]) => {
              setSaved(false);
              if (file !== undefined) void dataUri(file).then(setChosen);
            }}
          />
        ) : (
          <div class="buttons">
            <Action
              face={page.takeLogo}
              class="primary"
              act={() => store("/api/admin/config/logo", chosen)}
              onDone={() => {
                setKept(chosen);
                setChosen(null);
                setSaved(true);
              }}
            />
            <button
              type="button"
              class="button"
              onClick={() => {
                setChosen(null);
              }}
            >
              {cancel}
            </button>
          </div>
        )}
      </div>
    </Card>
  );
}
