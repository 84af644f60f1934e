/** The owner's buttons on the viewer page: changed and saved together, and shown as viewers will see them. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

import { Icon } from "@common/icons";

import { Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { useOrder } from "../order/useOrder";
import { text } from "../text";
import { faultsOf, hexOf, MOST_ACTIONS, newAction } from "./actions";
import type { ExternalAction } from "./actions";
import { Card } from "./parts";

/**
 * The card with the owner's buttons, at most 50: changed, moved, previewed, and saved together once none has a fault.
 */
export function ExternalActions({ kept }: { readonly kept: readonly ExternalAction[] }): JSX.Element {
  const { actions, form, when } = text.value;
  const { field, edit, save, undo } = useField(kept, "/api/admin/config/externalactions");
  const all = field.draft;
  const isChanged = field.phase === "changed" || field.phase === "failed";
  const isSound = all.every((action) => faultsOf(action).length === 0);
  const order = useOrder({
    list: all,
    nameOf: ({ title }) => (title === "" ? actions.unnamed : title),
    onOrder: edit,
    onDone: edit,
  });
  return (
    <Card
      title={actions.title}
      intro={actions.intro}
      when={when.soon}
      actions={<Outcome field={field} undo={undo} />}
    >
      <ol ref={order.root} class="ladder">
        {all.map((action, index) => (
          <li key={index} data-member class={`rung ${order.rowClass(index)}`}>
            <One
              moves={order.moves(index)}
              action={action}
              onChange={(changed) => {
                edit(all.map((one, at) => (at === index ? { ...one, ...changed } : one)));
              }}
              onRemove={() => {
                edit(all.filter((_, at) => at !== index));
              }}
            />
          </li>
        ))}
      </ol>
      {order.told}
      {all.length > 0 && (
        <section aria-label={actions.preview}>
          <p class="small quiet">{actions.preview}</p>
          <div class="buttons">
            {all.map((action, index) => (
              <Face key={index} action={action} />
            ))}
          </div>
        </section>
      )}
      <div class="buttons">
        <button
          type="button"
          class="button"
          disabled={all.length >= MOST_ACTIONS}
          onClick={() => {
            edit([...all, newAction]);
          }}
        >
          {actions.add}
        </button>
        <span class="space" />
        {field.phase === "changed" && (
          <button type="button" class="button" onClick={undo}>
            {form.undo}
          </button>
        )}
        <button
          type="button"
          class="button primary"
          disabled={!isChanged || !isSound}
          onClick={() => {
            save();
          }}
        >
          {actions.save}
        </button>
      </div>
    </Card>
  );
}

/** As the viewer page draws it; its picture may be of another site, which this page does not load from. */
function Face({ action }: { readonly action: ExternalAction }): JSX.Element {
  const color = hexOf(action.color);
  return (
    <span class="button action-face" style={color === null ? {} : { "--action": color }}>
      <span dir="auto">{action.title === "" ? text.value.actions.unnamed : action.title}</span>
      {action.openExternally && <Icon name="window" />}
    </span>
  );
}

interface OneProps {
  readonly action: ExternalAction;
  readonly moves: JSX.Element;
  readonly onChange: (changed: Partial<ExternalAction>) => void;
  readonly onRemove: () => void;
}

function One({ action, moves, onChange, onRemove }: OneProps): JSX.Element {
  const { actions } = text.value;
  const id = useId();
  const faults = faultsOf(action);
  const color = hexOf(action.color);
  const name = action.title === "" ? actions.unnamed : action.title;
  const line = (label: string, key: "title" | "url" | "description" | "icon", most: number): JSX.Element => (
    <label>
      <span class="small quiet">{label}</span>
      <input
        class="field"
        inputMode={key === "url" || key === "icon" ? "url" : "text"}
        dir={key === "url" || key === "icon" ? "ltr" : "auto"}
        maxLength={most}
        value={action[key]}
        aria-invalid={key !== "description" && faults.includes(key)}
        onInput={(event) => {
          onChange({ [key]: event.currentTarget.value });
        }}
      />
    </label>
  );
  return (
    <fieldset class="plain" aria-describedby={`${id}-faults`}>
      <legend class="rung-head">
        <strong dir="auto">{name}</strong>
        <span class="space" />
        {moves}
        <button
          type="button"
          class="icon-button"
          aria-label={actions.remove(name)}
          title={actions.remove(name)}
          onClick={onRemove}
        >
          <Icon name="close" />
        </button>
      </legend>
      <div class="rung-fields">
        {line(actions.name, "title", 255)}
        {line(actions.url, "url", 2_048)}
        {line(actions.description, "description", 1_000)}
        {line(actions.icon, "icon", 2_048)}
        <label>
          <span class="small quiet">{actions.opens}</span>
          <select
            class="field"
            value={action.openExternally ? "tab" : "page"}
            onChange={(event) => {
              onChange({ openExternally: event.currentTarget.value === "tab" });
            }}
          >
            <option value="page">{actions.onPage}</option>
            <option value="tab">{actions.inTab}</option>
          </select>
        </label>
        <div class="color-row">
          <label class="check">
            <input
              type="checkbox"
              checked={color !== null}
              onChange={(event) => {
                onChange({ color: event.currentTarget.checked ? "#2557c9" : "" });
              }}
            />
            {actions.color}
          </label>
          {color !== null && (
            <input
              class="color"
              type="color"
              aria-label={actions.color}
              value={color}
              onInput={(event) => {
                onChange({ color: event.currentTarget.value });
              }}
            />
          )}
        </div>
      </div>
      <div id={`${id}-faults`} role="status">
        <ul class="faults">
          {faults.map((fault) => (
            <li key={fault} class="problem">
              {actions.faults[fault]}
            </li>
          ))}
        </ul>
      </div>
    </fieldset>
  );
}
