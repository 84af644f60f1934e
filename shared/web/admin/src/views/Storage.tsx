/** The external storage, as the API keeps it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Schema } from "@common/api/client";

import { Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { text } from "../text";
import { Card, Settings } from "./parts";
import { draftOf, missingOf } from "./bucket";
import type { StorageDraft } from "./bucket";

const LINES = [
  ["endpoint", 2_048],
  ["servingEndpoint", 2_048],
  ["region", 255],
  ["bucket", 255],
  ["pathPrefix", 255],
  ["acl", 64],
  ["accessKey", 255],
] as const;

/**
 * The part with the external storage: its address, its bucket and its key, saved together once nothing that is needed
 * is missing.
 */
export function Storage(): JSX.Element {
  return <Settings>{({ s3 }) => <Form kept={s3} />}</Settings>;
}

function Form({ kept }: { readonly kept: Schema<"Storage"> }): JSX.Element {
  const { storage, form, when } = text.value;
  const [hasSecret, setHasSecret] = useState(kept.secretSet);
  const { field, edit, save, undo } = useField(draftOf(kept), "/api/admin/config/s3");
  const draft = field.draft;
  const missing = missingOf(draft, hasSecret);
  const isChanged = field.phase === "changed" || field.phase === "failed";
  const change = (changed: Partial<StorageDraft>): void => {
    edit({ ...draft, ...changed });
  };
  return (
    <Card title={storage.title} when={when.kept} actions={<Outcome field={field} undo={undo} />}>
      <p class="notice">{storage.intro}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isChanged || missing.length > 0) return;
          save();
          if (draft.secret !== "") setHasSecret(true);
        }}
      >
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={draft.enabled}
            onChange={(event) => {
              change({ enabled: event.currentTarget.checked });
            }}
          />
          <span class="label">{storage.enabled}</span>
        </label>
        <div class="rung-fields">
          {LINES.map(([key, most]) => (
            <label key={key}>
              <span class="small quiet">{storage.fields[key]}</span>
              <input
                class="field"
                dir="ltr"
                inputMode={key === "endpoint" || key === "servingEndpoint" ? "url" : "text"}
                autocomplete="off"
                maxLength={most}
                value={draft[key]}
                aria-invalid={missing.some((one) => one === key)}
                onInput={(event) => {
                  change({ [key]: event.currentTarget.value });
                }}
              />
            </label>
          ))}
          <label>
            <span class="small quiet">{storage.fields.secret}</span>
            <input
              class="field"
              dir="ltr"
              type="password"
              autocomplete="off"
              maxLength={255}
              placeholder={hasSecret ? storage.secretKept : ""}
              value={draft.secret}
              aria-invalid={missing.includes("secret")}
              onInput={(event) => {
                change({ secret: event.currentTarget.value });
              }}
            />
          </label>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={draft.forcePathStyle}
            onChange={(event) => {
              change({ forcePathStyle: event.currentTarget.checked });
            }}
          />
          {storage.pathStyle}
        </label>
        <p class="problem" role="status">
          {missing.length > 0 && storage.missing(missing.map((key) => storage.fields[key]).join(", "))}
        </p>
        <div class="buttons">
          <button type="submit" class="button primary" disabled={!isChanged || missing.length > 0}>
            {storage.save}
          </button>
          {field.phase === "changed" && (
            <button type="button" class="button" onClick={undo}>
              {form.undo}
            </button>
          )}
        </div>
      </form>
    </Card>
  );
}
