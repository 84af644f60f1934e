/** The top of the page: whose it is, whether it is live, who watches, and the viewer's own settings. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { copy, hasClipboard } from "@common/clipboard";
import { Icon } from "@common/icons";
import { MenuItem, PopupButton } from "@common/popup";
import { clock, count } from "@common/text/format";
import { chooseLanguage, language, LANGUAGES, locale } from "@common/text/language";
import type { Language } from "@common/text/language";
import { chooseTheme, fixedTheme, theme } from "@common/theme";
import type { Theme } from "@common/theme";

import { areaAttributes } from "../ownStyles";
import { clockAheadMs, config, live, status } from "../server";
import { text } from "../text";

/** The head of the page: logo, name, whether it is live, how many watch, sharing, and settings. */
export function Header(): JSX.Element {
  const { page } = text.value;
  const name = config.value?.name ?? "";
  return (
    <header class="top" {...areaAttributes("header")}>
      <img class="logo" src="/logo" alt="" width="40" height="40" />
      <h1 dir="auto">{name}</h1>
      <LiveState />
      <span class="space" />
      <Share />
      <PopupButton label={page.settings} face={<Icon name="settings" />}>
        {(close) => <Settings close={close} />}
      </PopupButton>
    </header>
  );
}

function LiveState(): JSX.Element | null {
  const now = status.value;
  const words = text.value;
  const { page } = words;
  if (live.value === undefined) return null;
  if (live.value === "offline") return <span class="badge">{words.offline}</span>;
  if (live.value === "away") return <span class="badge">{page.away}</span>;
  // The player may know of a broadcast before the status does.
  const viewers = now?.online === true ? now.viewerCount : undefined;
  return (
    <>
      <span class="badge on-air">{words.live}</span>
      {viewers !== undefined && (
        <span class="viewers" title={page.viewers(count(locale.value, viewers), viewers === 1)}>
          <Icon name="eye" />
          <span aria-hidden="true">{count(locale.value, viewers)}</span>
          <span class="unseen">{page.viewers(count(locale.value, viewers), viewers === 1)}</span>
        </span>
      )}
      {typeof now?.lastConnectTime === "string" && <LiveFor since={Date.parse(now.lastConnectTime)} />}
    </>
  );
}

/** A clock that runs. */
function LiveFor({ since }: { readonly since: number }): JSX.Element {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => {
      draw((times) => times + 1);
    }, 1_000);
    return () => {
      window.clearInterval(timer);
    };
  }, []);
  const shown = clock((Date.now() - clockAheadMs.value - since) / 1_000);
  return (
    <span class="live-for" title={text.value.page.liveFor(shown)}>
      {shown}
    </span>
  );
}

function Share(): JSX.Element | null {
  const { page } = text.value;
  const isTouch = window.matchMedia("(hover: none)").matches && "share" in navigator;
  const [isCopied, setCopied] = useState(false);
  const share = (): void => {
    const url = location.origin + "/";
    if (isTouch) {
      // Who changes their mind shares nothing.
      navigator.share({ url, title: document.title }).catch(() => undefined);
      return;
    }
    void copy(url).then((isDone) => {
      setCopied(isDone);
      window.setTimeout(() => {
        setCopied(false);
      }, 2_500);
    });
  };
  if (!isTouch && !hasClipboard) return null;
  return (
    <>
      <button type="button" class="icon-button" aria-label={page.share} title={page.share} onClick={share}>
        <Icon name={isCopied ? "check" : "share"} />
      </button>
      <span class={isCopied ? "toast floating" : "unseen"} role="status">
        {isCopied ? page.shared : ""}
      </span>
    </>
  );
}

function Settings({ close }: { readonly close: () => void }): JSX.Element {
  const { page } = text.value;
  const themes: readonly (readonly [Theme, string])[] = [
    ["system", page.system],
    ["light", page.light],
    ["dark", page.dark],
  ];
  return (
    <>
      {fixedTheme.value === null && (
        <>
          <p class="menu-title">{page.appearance}</p>
          {themes.map(([name, label]) => (
            <MenuItem
              key={name}
              checked={theme.value === name}
              onChoose={() => {
                chooseTheme(name);
                close();
              }}
            >
              {label}
            </MenuItem>
          ))}
        </>
      )}
      <p class="menu-title">{page.language}</p>
      {(Object.entries(LANGUAGES) as [Language, string][]).map(([tag, label]) => (
        <MenuItem
          key={tag}
          checked={language.value === tag}
          onChoose={() => {
            chooseLanguage(tag);
            close();
          }}
        >
          <span lang={tag}>{label}</span>
        </MenuItem>
      ))}
    </>
  );
}
