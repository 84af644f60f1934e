/**
 * The owner's styles: `customStyles` and `appearanceVariables`. They go into a style sheet that a script makes, so the page's
 * Content-Security-Policy needs no `unsafe-inline`.
 */
import { effect } from "@preact/signals";

import { config } from "./server";

/** `name: value` of what a colour variable may be; anything else is left out. */
export function variables(given: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(given).flatMap(([name, value]) =>
    /^[\w-]{1,64}$/u.test(name) && typeof value === "string" && /^[\w\s#%.,()/-]{1,64}$/u.test(value)
      ? [`--${name}: ${value};`]
      : [],
  );
  return lines.length === 0 ? "" : `:root { ${lines.join(" ")} }`;
}

export function followStyles(): void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  effect(() => {
    const { customStyles = "", appearanceVariables = {} } = config.value ?? {};
    sheet.replaceSync(`${variables(appearanceVariables)}\n${customStyles}`);
  });
}
