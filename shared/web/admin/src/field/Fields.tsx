/** Fields that save themselves when they are left or switched, and say beside them how that went. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";

import { Icon } from "@common/icons";

import { text } from "../text";
import { listOf } from "./state";
import type { Field } from "./state";
import { useField } from "./useField";
import type { Editing, Setter } from "./useField";

interface Labelled {
  readonly label: string;
  readonly hint?: string;
}

interface Setting<T> extends Labelled {
  readonly kept: T;
  readonly setter: Setter;
}

/** "Saving…", "Saved", or why not, with the way back. */
export function Outcome({
  field,
  undo,
}: {
  readonly field: Field<unknown>;
  readonly undo: () => void;
}): JSX.Element {
  const { form } = text.value;
  return (
    <span class={`outcome ${field.phase}`} role="status">
      {field.phase === "saving" && form.saving}
      {field.phase === "saved" && (
        <>
          <Icon name="check" />
          {form.saved}
        </>
      )}
      {field.phase === "failed" && (
        <>
          <Icon name="warn" />
          <span dir="auto">{field.problem}</span>
        </>
      )}
      {(field.phase === "failed" || (field.phase === "saved" && field.before !== null)) && (
        <button type="button" class="text-button" onClick={undo}>
          {form.undo}
        </button>
      )}
    </span>
  );
}

interface RowProps extends Labelled {
  readonly id: string;
  readonly editing: Pick<Editing<unknown>, "field" | "undo">;
  readonly children: ComponentChildren;
}

function Row({ id, label, hint, editing, children }: RowProps): JSX.Element {
  return (
    <div class="row">
      <div class="row-head">
        <label class="label" for={id}>
          {label}
        </label>
        <Outcome field={editing.field} undo={editing.undo} />
      </div>
      {children}
      {hint !== undefined && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

interface TextProps extends Setting<string> {
  readonly maxLength: number;
  readonly lines?: number;
  readonly type?: "text" | "url";
  readonly required?: boolean;
  /** Style sheets and the like: letters of one width, from left to right. */
  readonly isCode?: boolean;
  /** Told of what is in the field whenever that changes, saved or not. */
  readonly onDraft?: (draft: string) => void;
}

/**
 * A setting that is a text of at most `maxLength` characters; saved when its field is left, unless the browser finds
 * it invalid.
 */
export function TextField(props: TextProps): JSX.Element {
  const { label, hint, kept, setter, maxLength, lines = 1, type = "text", required = false } = props;
  const { isCode = false, onDraft } = props;
  const id = useId();
  const editing = useField(kept, setter);
  const { field, edit, save } = editing;
  useEffect(() => onDraft?.(field.draft), [onDraft, field.draft]);
  const common = {
    id,
    class: isCode ? "field code" : "field",
    dir: isCode ? ("ltr" as const) : ("auto" as const),
    spellcheck: !isCode,
    value: field.draft,
    maxLength,
    required,
    "aria-invalid": field.phase === "failed",
    "aria-describedby": hint === undefined ? undefined : `${id}-hint`,
    onInput: (event: Event) => {
      edit((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value);
    },
    onChange: (event: Event) => {
      if ((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).reportValidity()) save();
    },
  };
  return (
    <Row id={id} label={label} {...(hint === undefined ? {} : { hint })} editing={editing}>
      {lines > 1 && <textarea {...common} rows={lines} />}
      {lines === 1 && (type === "url" ? <input {...common} type="url" /> : <input {...common} type="text" />)}
    </Row>
  );
}

/** `isInverse`: the API names the opposite of what people switch. */
export function SwitchField(props: Setting<boolean> & { readonly isInverse?: boolean }): JSX.Element {
  const { label, hint, kept, setter, isInverse = false } = props;
  const id = useId();
  const { field, save, undo } = useField(kept, setter);
  return (
    <div class="row switch-row">
      <div class="row-head">
        <label class="switch" for={id}>
          <input
            id={id}
            type="checkbox"
            role="switch"
            checked={field.draft !== isInverse}
            aria-describedby={hint === undefined ? undefined : `${id}-hint`}
            onChange={(event) => {
              save(event.currentTarget.checked !== isInverse);
            }}
          />
          <span class="label">{label}</span>
        </label>
        <Outcome field={field} undo={undo} />
      </div>
      {hint !== undefined && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

/** A list, one a line. */
export function ListField(props: Setting<readonly string[]> & { readonly lines?: number }): JSX.Element {
  const { label, hint, kept, setter, lines = 4 } = props;
  const id = useId();
  const [typed, setTyped] = useState(kept.join("\n"));
  const editing = useField(kept, setter);
  return (
    <Row
      id={id}
      label={label}
      {...(hint === undefined ? {} : { hint })}
      editing={{
        field: editing.field,
        undo: () => {
          const to = editing.undo();
          setTyped(to.join("\n"));
          return to;
        },
      }}
    >
      <textarea
        id={id}
        class="field"
        dir="auto"
        rows={lines}
        value={typed}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          editing.edit(listOf(event.currentTarget.value));
        }}
        onChange={() => {
          editing.save();
        }}
      />
    </Row>
  );
}

interface ChoiceProps<T extends string> extends Setting<T> {
  readonly choices: readonly (readonly [T, string])[];
}

/** A setting that is one of several values, each given with its words; saved as soon as another one is chosen. */
export function ChoiceField<T extends string>(props: ChoiceProps<T>): JSX.Element {
  const { label, hint, kept, setter, choices } = props;
  const id = useId();
  const editing = useField(kept, setter);
  return (
    <Row id={id} label={label} {...(hint === undefined ? {} : { hint })} editing={editing}>
      <select
        id={id}
        class="field"
        value={editing.field.draft}
        onChange={(event) => {
          const chosen = choices.find(([value]) => value === event.currentTarget.value);
          if (chosen !== undefined) editing.save(chosen[0]);
        }}
      >
        {choices.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Row>
  );
}
