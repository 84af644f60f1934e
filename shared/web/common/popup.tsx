/**
 * What opens above the page beside a button and closes by Escape, by a click elsewhere or by the button: menus and small forms.
 * It lies in the browser's top layer, so nothing cuts it off, also in full screen.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { Icon } from "./icons";
import { place } from "./place";

interface PopupProps {
  readonly anchor: HTMLElement;
  readonly label: string;
  readonly role: "menu" | "dialog";
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

const FOCUSABLE = "button:not(:disabled), input, [tabindex='0']";

function moveFocus(popup: HTMLElement, event: KeyboardEvent): void {
  const items = [...popup.querySelectorAll<HTMLElement>("[role^='menuitem']:not(:disabled)")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const last = items.length - 1;
  const to = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last }[
    event.key
  ];
  if (to === undefined) return;
  event.preventDefault();
  items[to]?.focus();
}

/**
 * A menu or small dialog that is open beside `anchor`; in a menu arrow keys lead from item to item. `onClose` is
 * called when the browser or a key closes it.
 */
export function Popup({ anchor, label, role, class: className, onClose, children }: PopupProps): JSX.Element {
  const popup = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = popup.current;
    if (element === null) return undefined;
    // Browsers without popovers show it where it is put, and close it by Escape and by the button.
    (element.showPopover as (() => void) | undefined)?.call(element);
    const put = (): void => {
      const at = place(anchor.getBoundingClientRect(), element.getBoundingClientRect(), {
        width: document.documentElement.clientWidth,
        height: window.innerHeight,
      });
      element.style.left = `${at.left}px`;
      element.style.top = `${at.top}px`;
    };
    put();
    const first = element.querySelector<HTMLElement>("[aria-checked='true'], [data-first]");
    (first ?? element.querySelector<HTMLElement>(FOCUSABLE))?.focus({ preventScroll: true });
    const resized = new ResizeObserver(put);
    resized.observe(element);
    window.addEventListener("resize", put);
    return () => {
      resized.disconnect();
      window.removeEventListener("resize", put);
    };
  }, [anchor]);

  useEffect(() => {
    const element = popup.current;
    const toggled = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") onClose();
    };
    element?.addEventListener("toggle", toggled);
    return () => {
      element?.removeEventListener("toggle", toggled);
    };
  }, [onClose]);

  return (
    <div
      ref={popup}
      popover="auto"
      role={role}
      aria-label={label}
      class={`popup floating ${className ?? ""}`}
      onKeyDown={(event) => {
        if (event.key === "Escape" || (role === "menu" && event.key === "Tab")) {
          event.stopPropagation();
          event.preventDefault();
          onClose();
          anchor.focus();
        } else if (role === "menu") moveFocus(event.currentTarget, event);
      }}
    >
      {children}
    </div>
  );
}

interface PopupButtonProps {
  readonly label: string;
  /** What the button shows. */
  readonly face: ComponentChildren;
  readonly role?: "menu" | "dialog";
  readonly class?: string;
  readonly popupClass?: string;
  readonly disabled?: boolean;
  readonly children: (close: () => void) => ComponentChildren;
}

/** A button and what it opens. */
export function PopupButton(props: PopupButtonProps): JSX.Element {
  const { label, face, role = "menu", class: className, popupClass, disabled = false, children } = props;
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  /** A click on the button has already closed it, as a click elsewhere. */
  const closedAt = useRef(0);
  const dismiss = useRef(() => {
    closedAt.current = performance.now();
    setOpen(false);
  });
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={className ?? "icon-button"}
        aria-label={label}
        title={label}
        aria-haspopup={role}
        aria-expanded={isOpen}
        disabled={disabled}
        onClick={() => {
          if (performance.now() - closedAt.current > 100) setOpen(!isOpen);
        }}
      >
        {face}
      </button>
      {isOpen && button.current !== null && (
        <Popup
          anchor={button.current}
          label={label}
          role={role}
          onClose={dismiss.current}
          {...(popupClass === undefined ? {} : { class: popupClass })}
        >
          {children(close)}
        </Popup>
      )}
    </>
  );
}

interface ItemProps {
  readonly onChoose: () => void;
  /** Of a choice among several: whether it is the one. */
  readonly checked?: boolean;
  readonly isDanger?: boolean;
  readonly children: ComponentChildren;
}

/** A line of a menu. */
export function MenuItem({ onChoose, checked, isDanger = false, children }: ItemProps): JSX.Element {
  const choice = checked === undefined ? {} : { "aria-checked": checked };
  return (
    <button
      type="button"
      role={checked === undefined ? "menuitem" : "menuitemradio"}
      {...choice}
      tabIndex={-1}
      class={isDanger ? "menu-item danger" : "menu-item"}
      onClick={onChoose}
    >
      {children}
      {checked === true && <Icon name="check" />}
    </button>
  );
}
