/** Links to where else the owner is found: saved as a whole, when each of them is complete. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

import { get } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";

import { Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { useOrder } from "../order/useOrder";
import { usePolled } from "../polled";
import { text } from "../text";

type Link = Schema<"SocialHandle">;

const MOST = 50;

/**
 * The fields of links to the owner elsewhere, at most 50: saved together whenever each has a platform and an address.
 */
export function SocialLinks({ kept }: { readonly kept: readonly Link[] }): JSX.Element {
  const { general } = text.value;
  const id = useId();
  const platforms = usePolled(() => get("/api/socialplatforms"), 0);
  const known = platforms.value.value ?? {};
  const names = Object.keys(known);
  const { field, edit, save, undo } = useField(kept, "/api/admin/config/socialhandles");
  const links = field.draft;
  const isComplete = (all: readonly Link[]): boolean =>
    all.every(({ platform, url }) => platform.trim() !== "" && url.trim() !== "");
  const change = (index: number, changed: Partial<Link>): void => {
    edit(links.map((link, at) => (at === index ? { ...link, ...changed } : link)));
  };
  const order = useOrder({
    list: links,
    nameOf: ({ platform, url }) => platform || url || general.addLink,
    onOrder: edit,
    onDone: (all) => {
      edit(all);
      if (isComplete(all)) save();
    },
  });
  const left = (): void => {
    if (isComplete(links)) save();
  };
  return (
    <fieldset class="row plain">
      <legend class="row-head">
        <span class="hint">{general.socialHint}</span>
        <Outcome field={field} undo={undo} />
      </legend>
      <datalist id={id}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <ol ref={order.root} class="pairs">
        {links.map((link, index) => (
          <li key={index} data-member class={`pair ${order.rowClass(index)}`}>
            <LinkFields
              link={link}
              icon={known[link.platform]?.icon}
              platforms={id}
              onChange={(changed) => {
                change(index, changed);
              }}
              onLeft={left}
              onRemove={() => {
                const rest = links.filter((_, at) => at !== index);
                edit(rest);
                if (isComplete(rest)) save();
              }}
            />
            {order.moves(index)}
          </li>
        ))}
      </ol>
      {order.told}
      <button
        type="button"
        class="button"
        disabled={links.length >= MOST || !isComplete(links)}
        onClick={() => {
          edit([...links, { platform: "", url: "" }]);
        }}
      >
        {general.addLink}
      </button>
    </fieldset>
  );
}

interface LinkProps {
  readonly link: Link;
  /** The platform's picture, where it is a known one. */
  readonly icon: string | undefined;
  /** Id of the list of platforms that are known. */
  readonly platforms: string;
  readonly onChange: (changed: Partial<Link>) => void;
  readonly onLeft: () => void;
  readonly onRemove: () => void;
}

function LinkFields({ link, icon, platforms, onChange, onLeft, onRemove }: LinkProps): JSX.Element {
  const { general } = text.value;
  const { platform, url } = link;
  return (
    <>
      <span class="platform" aria-hidden="true">
        {icon === undefined ? <Icon name="globe" /> : <img src={icon} alt="" width="24" height="24" />}
      </span>
      <input
        class="field short"
        list={platforms}
        maxLength={64}
        value={platform}
        placeholder={general.platform}
        aria-label={general.platform}
        onInput={(event) => {
          onChange({ platform: event.currentTarget.value });
        }}
        onChange={onLeft}
      />
      <input
        class="field"
        type="url"
        dir="ltr"
        maxLength={2_048}
        value={url}
        placeholder="https://"
        aria-label={general.address}
        onInput={(event) => {
          onChange({ url: event.currentTarget.value });
        }}
        onChange={onLeft}
      />
      <button type="button" class="icon-button" aria-label={general.removeLink(platform)} onClick={onRemove}>
        <Icon name="close" />
      </button>
    </>
  );
}
