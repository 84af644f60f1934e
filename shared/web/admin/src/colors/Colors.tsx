/** The colours of the viewer page, by Owncast's names, so that themes of Owncast can be pasted and other clients follow too. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

import { cornerPx, DEFAULTS, hardToRead, lookOf, NAMES } from "@common/appearance";
import type { ColorRole, Ground, Role, Variables } from "@common/appearance";
import { hexOf } from "@common/color";
import { cssColor } from "@common/cssColor";
import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { text } from "../text";
import { Card } from "../views/parts";
import { othersOf, withValue } from "./given";
import { Sample } from "./Sample";

const GROUPS: readonly (readonly ColorRole[])[] = [
  ["ground", "content", "text"],
  ["action", "actionText"],
  ["header", "headerText"],
  ["chat", "chatText"],
];
const MOST_CORNER_PX = 24;
const USUAL_CORNER_PX = 10;

/**
 * The card with the viewer page's colours and corners: a field for each, samples of the page, and warnings where text
 * is hard to read. `kept` is what the server has.
 */
export function Colors({ kept }: { readonly kept: Variables }): JSX.Element {
  const { colors, when } = text.value;
  const id = useId();
  const { field, edit, save, undo } = useField(kept, "/api/admin/config/appearance");
  const given = field.draft;
  const look = lookOf(given, cssColor);
  const grounds: readonly Ground[] = look.page.ground === null ? ["light", "dark"] : [look.page.ground];
  const others = othersOf(given);
  const hard = hardToRead(given, cssColor);
  const set = (role: Role, value: string): Variables => withValue(given, NAMES[role], value);
  const corners = cornerPx(given[NAMES.corners]);
  return (
    <Card
      title={colors.title}
      intro={colors.intro}
      when={when.soon}
      actions={<Outcome field={field} undo={undo} />}
    >
      <div class="columns">
        <div class="color-groups">
          {GROUPS.map((roles) => (
            <div key={roles.join()} class="color-group">
              {roles.map((role) => (
                <ColorField
                  key={role}
                  role={role}
                  value={given[NAMES[role]] ?? ""}
                  preset={presetOf(role, grounds[0] ?? "light")}
                  onInput={(value) => {
                    edit(set(role, value));
                  }}
                  onChange={(value) => {
                    save(set(role, value));
                  }}
                />
              ))}
            </div>
          ))}
          <div class="corner-field">
            <label class="label" for={`${id}-corners`}>
              {colors.corners}
            </label>
            <input
              id={`${id}-corners`}
              type="range"
              min={0}
              max={MOST_CORNER_PX}
              value={corners ?? USUAL_CORNER_PX}
              aria-valuetext={corners === null ? colors.usual : `${corners} px`}
              onInput={(event) => {
                edit(set("corners", `${event.currentTarget.value}px`));
              }}
              onChange={(event) => {
                save(set("corners", `${event.currentTarget.value}px`));
              }}
            />
            <span class="small quiet">{corners === null ? colors.usual : `${corners} px`}</span>
            <Reset
              name={colors.corners}
              isSet={corners !== null}
              onReset={() => {
                save(set("corners", ""));
              }}
            />
          </div>
        </div>
        <div class="samples">
          <p class="label">{colors.sample}</p>
          {grounds.map((ground) => (
            <Sample key={ground} ground={ground} look={look} />
          ))}
          <p class="hint">{look.page.ground === null ? colors.both : colors.fixed[look.page.ground]}</p>
        </div>
      </div>
      <div role="status">
        {hard.map(({ text: role, on, contrast }) => (
          <p key={role + on} class="notice warn">
            <Icon name="warn" />
            <span>{colors.hard(colors.roles[role], colors.roles[on], count(locale.value, contrast, 1))}</span>
          </p>
        ))}
      </div>
      <div class="buttons">
        {others.length > 0 && <p class="hint">{colors.others(others.join(", "))}</p>}
        <span class="space" />
        <button
          type="button"
          class="button"
          disabled={Object.keys(given).length === 0}
          onClick={() => {
            save({});
          }}
        >
          {colors.resetAll}
        </button>
      </div>
    </Card>
  );
}

/** What a picker begins with where nothing is set. */
function presetOf(role: ColorRole, ground: Ground): string {
  const usual = DEFAULTS[ground];
  if (role === "action") return "#2557c9";
  if (role === "actionText") return "#ffffff";
  if (role === "ground") return usual.ground;
  return role.toLowerCase().endsWith("text") ? usual.text : usual.surface;
}

interface ColorProps {
  readonly role: ColorRole;
  readonly value: string;
  readonly preset: string;
  readonly onInput: (value: string) => void;
  readonly onChange: (value: string) => void;
}

function ColorField({ role, value, preset, onInput, onChange }: ColorProps): JSX.Element {
  const { colors } = text.value;
  const id = useId();
  const name = colors.roles[role];
  const color = cssColor(value);
  const isUnknown = value !== "" && color === null;
  return (
    <div class="color-field">
      <input
        class={value === "" ? "color unset" : "color"}
        type="color"
        aria-label={colors.pick(name)}
        value={color === null ? preset : hexOf(color)}
        onInput={(event) => {
          onInput(event.currentTarget.value);
        }}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      />
      <label class="label" for={id}>
        {name}
      </label>
      <input
        id={id}
        class="field code"
        dir="ltr"
        spellcheck={false}
        maxLength={128}
        value={value}
        placeholder={colors.usual}
        aria-invalid={isUnknown}
        aria-describedby={isUnknown ? `${id}-problem` : undefined}
        onInput={(event) => {
          onInput(event.currentTarget.value);
        }}
        onChange={(event) => {
          onChange(event.currentTarget.value.trim());
        }}
      />
      <Reset
        name={name}
        isSet={value !== ""}
        onReset={() => {
          onChange("");
        }}
      />
      {isUnknown && (
        <p id={`${id}-problem`} class="hint">
          {colors.unknown}
        </p>
      )}
    </div>
  );
}

function Reset(props: {
  readonly name: string;
  readonly isSet: boolean;
  readonly onReset: () => void;
}): JSX.Element {
  const label = text.value.colors.reset(props.name);
  return (
    <button
      type="button"
      class="icon-button"
      disabled={!props.isSet}
      aria-label={label}
      title={label}
      onClick={props.onReset}
    >
      <Icon name="close" />
    </button>
  );
}
