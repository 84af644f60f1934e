/** The page: the login, or the parts with their navigation. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { get } from "@common/api/client";
import { Icon } from "@common/icons";
import type { IconName } from "@common/icons";
import { chooseLanguage, language, LANGUAGES } from "@common/text/language";
import type { Language } from "@common/text/language";
import { chooseTheme, theme } from "@common/theme";
import type { Theme } from "@common/theme";

import { Login, LoginAgain } from "./Login";
import { People } from "./people/People";
import { followAddress, route, ROUTES } from "./route";
import type { Route } from "./route";
import { ask, ended, logOut, resume, standing } from "./session";
import { text } from "./text";
import { askWhoIsServed, servesViewers, viewerAddress } from "./viewerAddress";
import { About } from "./views/About";
import { ChatSettings } from "./views/ChatSettings";
import { Dashboard } from "./views/Dashboard";
import { EdgesView } from "./views/Edges";
import { General } from "./views/General";
import { Integrations } from "./views/Integrations";
import { Logs } from "./views/Logs";
import { Messages } from "./views/Messages";
import { Page } from "./views/Page";
import { Server } from "./views/Server";
import { Storage } from "./views/Storage";
import { Video } from "./views/Video";
import { Action } from "./views/parts";

const VIEWS: Readonly<Record<Route, { readonly icon: IconName; readonly view: () => JSX.Element }>> = {
  dashboard: { icon: "home", view: Dashboard },
  general: { icon: "edit", view: General },
  page: { icon: "picture", view: Page },
  video: { icon: "quality", view: Video },
  chat: { icon: "settings", view: ChatSettings },
  messages: { icon: "chat", view: Messages },
  people: { icon: "people", view: People },
  edges: { icon: "globe", view: EdgesView },
  integrations: { icon: "share", view: Integrations },
  server: { icon: "key", view: Server },
  storage: { icon: "disk", view: Storage },
  logs: { icon: "lines", view: Logs },
  about: { icon: "info", view: About },
};

/**
 * The admin page: the login while nobody is logged in, else its parts, below a new login where the session has
 * expired.
 */
export function App(): JSX.Element {
  useEffect(followAddress, []);
  useEffect(() => void resume(), []);
  const isOver = standing.value === "out" && ended.value === "expired";
  if (standing.value !== "in" && !isOver) return <Login />;
  return (
    <>
      <Inside />
      {isOver && <LoginAgain />}
    </>
  );
}

function Inside(): JSX.Element {
  const main = useRef<HTMLElement>(null);
  const { parts, title } = text.value;
  useEffect(() => void askWhoIsServed(), []);
  const shown = route.value;
  const { view: View } = VIEWS[shown];
  const before = useRef(shown);
  useEffect(() => {
    document.title = `${parts[shown]} · ${title}`;
    // The focus goes along with what is shown, so that keyboards and screen readers begin there.
    if (before.current !== shown) main.current?.focus({ preventScroll: true });
    before.current = shown;
    window.scrollTo(0, 0);
  }, [shown, parts, title]);
  return (
    <div class="frame">
      <header class="bar">
        <img src="/logo" alt="" width="32" height="32" />
        <span class="bar-title">{title}</span>
        <ViewerLink />
        <Action face={text.value.logOut} act={() => logOut()} />
      </header>
      <nav class="parts" aria-label={text.value.navigation}>
        {ROUTES.map((name) => (
          <a key={name} href={`#/${name}`} aria-current={name === shown ? "page" : undefined}>
            <Icon name={VIEWS[name].icon} />
            {parts[name]}
          </a>
        ))}
        <Appearance />
      </nav>
      <main ref={main} tabIndex={-1} class="content">
        <h1>{parts[shown]}</h1>
        <View key={shown} />
      </main>
    </div>
  );
}

/** The way to the viewer page, where there is one. */
function ViewerLink(): JSX.Element | null {
  const served = servesViewers.value;
  const [publicUrl, setPublicUrl] = useState("");
  useEffect(() => {
    // At an edge its own page is the nearest.
    if (served !== false) return;
    ask((options) => get("/api/admin/serverconfig", options)).then(
      ({ yp }) => {
        setPublicUrl(yp.instanceUrl);
      },
      () => undefined,
    );
  }, [served]);
  const address = served === false ? viewerAddress(publicUrl, served, location.origin) : "";
  if (address === undefined) return null;
  return (
    <a
      class="button bar-link"
      href={`${address}/`}
      target="_blank"
      rel="noopener"
      aria-label={text.value.viewerPage}
    >
      <Icon name="window" />
      <span class="bar-word">{text.value.viewerPage}</span>
    </a>
  );
}

function Appearance(): JSX.Element {
  const { appearance } = text.value;
  const themes: readonly Theme[] = ["system", "light", "dark"];
  return (
    <div class="appearance">
      <label>
        <span class="small quiet">{appearance.theme}</span>
        <select
          class="field"
          value={theme.value}
          onChange={(event) => {
            chooseTheme(themes.find((name) => name === event.currentTarget.value) ?? "system");
          }}
        >
          {themes.map((name) => (
            <option key={name} value={name}>
              {appearance[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="small quiet">{appearance.language}</span>
        <select
          class="field"
          value={language.value}
          onChange={(event) => {
            chooseLanguage(event.currentTarget.value as Language);
          }}
        >
          {Object.entries(LANGUAGES).map(([tag, name]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
