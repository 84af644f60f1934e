/** Light or dark: as the system has it, or as the viewer chose. `tokens.css` has the colours of both. */
import { signal } from "@preact/signals";

import { recall, remember } from "./storage";

/** What a viewer can choose: light, dark, or what the system has. */
export type Theme = "system" | "light" | "dark";

const KEY = "farcast.theme";

function remembered(): Theme {
  const kept = recall(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** What the viewer chose. */
export const theme = signal<Theme>(remembered());
/** What the owner's colours leave no choice of. */
export const fixedTheme = signal<"light" | "dark" | null>(null);

function apply(): void {
  const { dataset } = document.documentElement;
  const shown = fixedTheme.value ?? theme.value;
  if (shown === "system") delete dataset["theme"];
  else dataset["theme"] = shown;
}

/** The owner's colours are for a light or a dark page, or for both. */
export function fixTheme(fixed: "light" | "dark" | null): void {
  fixedTheme.value = fixed;
  apply();
}

/** Makes the page light or dark, unless the owner's colours fix that, and remembers the choice in this browser. */
export function chooseTheme(chosen: Theme): void {
  remember(KEY, chosen === "system" ? undefined : chosen);
  theme.value = chosen;
  apply();
}

/** To be called before anything is shown. */
export function startTheme(): void {
  apply();
}
