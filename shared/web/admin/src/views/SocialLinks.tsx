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
        {links.map(({ platform, url }, index) => (
          <li key={index} data-member class={`pair ${order.rowClass(index)}`}>
            <span class="platform" aria-hidden="true">
              {known[platform]?.icon === undefined ? (
                <Icon name="globe" />
              ) : (
                <img src={known[platform].icon} alt="" width="24" height="24" />
              )}
            </span>
            <input
              class="field short"
              list={id}
              maxLength={64}
              value={platform}
              placeholder={general.platform}
              aria-label={general.platform}
              onInput={(event) => {
                change(index, { platform: event.currentTarget.value });
              }}
              onChange={left}
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
                change(index, { url: event.currentTarget.value });
              }}
              onChange={left}
            />
            <button
              type="button"
              class="icon-button"
              aria-label={general.removeLink(platform)}
              onClick={() => {
                const rest = links.filter((_, at) => at !== index);
                edit(rest);
                if (isComplete(rest)) save();
              }}
            >
              <Icon name="close" />
            </button>
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
