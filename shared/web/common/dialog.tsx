/** A question or a page above the page: keeps the focus inside, and gives it back when it closes. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly class?: string;
  /** Escape, where that is possible. */
  readonly onClose?: () => void;
  readonly children: ComponentChildren;
}

/**
 * A modal dialog, open for as long as it is drawn; `label` is its name for screen readers. Without `onClose` Escape
 * does not close it.
 */
export function Dialog({ label, class: className, onClose, children }: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${className ?? ""}`}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClose={(event) => {
        // Browsers close a dialog at a second Escape, whatever the page says of the first.
        const dialog = event.currentTarget;
        if (!dialog.isConnected) return;
        if (onClose === undefined) dialog.showModal();
        else onClose();
      }}
    >
      {children}
    </dialog>
  );
}
