/** The owner's buttons that lead elsewhere: into a dialog, or a new tab. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Schema } from "@common/api/client";
import { Dialog } from "@common/dialog";
import { isSafeLink } from "@common/html";
import { Icon } from "@common/icons";

import { text } from "../text";

type Action = Schema<"Config">["externalActions"][number];

/** The owner's buttons, but for those without an address that is safe to follow; nothing where none is left. */
export function Actions({ actions }: { readonly actions: readonly Action[] }): JSX.Element | null {
  const [shown, show] = useState<Action | null>(null);
  const { page } = text.value;
  const leading = actions.filter(({ url }) => url !== "" && isSafeLink(url));
  if (leading.length === 0) return null;
  return (
    <div class="actions" role="group" aria-label={page.actions}>
      {leading.map((action) => (
        <ActionButton
          key={`${action.url} ${action.title}`}
          action={action}
          onOpen={() => {
            show(action);
          }}
        />
      ))}
      {shown !== null && (
        <ActionDialog
          action={shown}
          onClose={() => {
            show(null);
          }}
        />
      )}
    </div>
  );
}

interface ButtonProps {
  readonly action: Action;
  readonly onOpen: () => void;
}

function ActionButton({ action, onOpen }: ButtonProps): JSX.Element {
  const { page } = text.value;
  const { url, title, description, icon, color, openExternally } = action;
  const face = (
    <>
      {icon !== "" && (
        <img
          src={icon}
          alt=""
          onError={(event) => {
            event.currentTarget.hidden = true;
          }}
        />
      )}
      <span dir="auto">{title}</span>
    </>
  );
  const style = /^#[\da-f]{3,8}$/iu.test(color) ? { "--action": color } : {};
  if (openExternally) {
    return (
      <a
        class="button action"
        style={style}
        href={url}
        target="_blank"
        rel="noopener noreferrer"
        title={description}
      >
        {face}
        <Icon name="window" />
        <span class="unseen">({page.opensNewTab})</span>
      </a>
    );
  }
  return (
    <button type="button" class="button action" style={style} title={description} onClick={onOpen}>
      {face}
    </button>
  );
}

function ActionDialog({
  action,
  onClose,
}: {
  readonly action: Action;
  readonly onClose: () => void;
}): JSX.Element {
  const { close, page } = text.value;
  return (
    <Dialog label={action.title} class="action-dialog" onClose={onClose}>
      <div class="dialog-head">
        <h2 dir="auto">{action.title}</h2>
        <a
          class="icon-button"
          href={action.url}
          target="_blank"
          rel="noopener noreferrer"
          title={page.openInNewTab}
        >
          <Icon name="window" />
          <span class="unseen">{page.openInNewTab}</span>
        </a>
        <button type="button" class="icon-button" aria-label={close} title={close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <iframe
        src={action.url}
        title={action.title}
        sandbox="allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox"
        referrerpolicy="no-referrer"
      />
    </Dialog>
  );
}
