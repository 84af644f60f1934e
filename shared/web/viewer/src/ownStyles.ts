/**
 * The owner's styles: `customStyles` and `appearanceVariables`. They go into a style sheet that a script makes, so the page's
 * Content-Security-Policy needs no `unsafe-inline`. Variables of Owncast's page that this page follows give its own colours
 * (`common/appearance.ts`); all are set under their own names as well, for `customStyles` that use them.
 */
import { computed, effect } from "@preact/signals";

import { lookOf } from "@common/appearance";
import type { Area, Look, Tokens } from "@common/appearance";
import { cssColor } from "@common/cssColor";
import { fixTheme } from "@common/theme";

import { config } from "./server";

/** What the owner's colours make of the page. */
export const look = computed(() => lookOf(config.value?.appearanceVariables ?? {}, cssColor));

/** What makes an element the header or the chat, with the ground that it has. */
export function areaAttributes(area: "header" | "chat"): Readonly<Record<string, string>> {
  const { ground } = look.value[area];
  return ground === null ? {} : { "data-area": area, "data-ground": ground };
}

/** `name: value` of what a colour variable may be; anything else is left out. */
export function variables(given: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(given).flatMap(([name, value]) =>
    /^[\w-]{1,64}$/u.test(name) && typeof value === "string" && /^[\w\s#%.,()+/-]{1,128}$/u.test(value)
      ? [`--${name}: ${value};`]
      : [],
  );
  return lines.length === 0 ? "" : `:root { ${lines.join(" ")} }`;
}

function rule(selector: string, tokens: Tokens): string {
  const lines = Object.entries(tokens).map(([name, value]) => `${name}: ${value};`);
  return lines.length === 0 ? "" : `${selector} { ${lines.join(" ")} }`;
}

/** The rules of a look. */
export function sheetOf({ page, on, header, chat }: Look): string {
  const area = (name: string, { tokens }: Area): string => rule(`[data-area="${name}"]`, tokens);
  const onDark = rule(':root:not([data-theme="light"])', on.dark);
  return [
    rule(":root", { ...page.tokens, ...on.light }),
    onDark === "" ? "" : `@media (prefers-color-scheme: dark) { ${onDark} }`,
    rule(':root[data-theme="dark"]', on.dark),
    area("header", header),
    area("chat", chat),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

/** Gives the page the owner's styles and colours, and follows their changes for the rest of its life. */
export function followStyles(): void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  effect(() => {
    const { customStyles = "", appearanceVariables = {} } = config.value ?? {};
    sheet.replaceSync([sheetOf(look.value), variables(appearanceVariables), customStyles].join("\n"));
    fixTheme(look.value.page.ground);
  });
}
