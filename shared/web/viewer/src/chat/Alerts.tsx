/** How the viewer is told that somebody speaks to them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { Icon } from "@common/icons";
import { PopupButton } from "@common/popup";

import { text } from "../text";
import { canNotify, notifies, rings, setNotifies, setRings } from "./alerts";

/**
 * A button with two choices: whether a message to the viewer makes a sound, and whether the browser shows a
 * notification of it.
 */
export function Alerts(): JSX.Element {
  const { chat } = text.value;
  const [isDenied, setDenied] = useState(false);
  return (
    <PopupButton label={chat.alerts} role="dialog" face={<Icon name="bell" />} popupClass="alerts">
      {() => (
        <>
          <p class="menu-title">{chat.whenMentioned}</p>
          <label class="menu-item">
            <input
              type="checkbox"
              checked={rings.value}
              onChange={(event) => {
                setRings(event.currentTarget.checked);
              }}
            />
            {chat.ring}
          </label>
          {canNotify && (
            <label class="menu-item">
              <input
                type="checkbox"
                checked={notifies.value}
                onChange={(event) => {
                  const box = event.currentTarget;
                  void setNotifies(box.checked, chat.notifySample).then((isDone) => {
                    box.checked = notifies.value;
                    setDenied(!isDone);
                  });
                }}
              />
              {chat.notify}
            </label>
          )}
          <p class="hint" role="status">
            {isDenied && chat.notifyDenied}
          </p>
        </>
      )}
    </PopupButton>
  );
}
