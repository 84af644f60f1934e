/** Light or dark: as the system has it, or as the viewer chose. `tokens.css` has the colours of both. */
import { signal } from "@preact/signals";

import { recall, remember } from "./storage";

export type Theme = "system" | "light" | "dark";

const KEY = "farcast.theme";

function remembered(): Theme {
  const kept = recall(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export const theme = signal<Theme>(remembered());

function apply(): void {
  const { dataset } = document.documentElement;
  if (theme.value === "system") delete dataset["theme"];
  else dataset["theme"] = theme.value;
}

export function chooseTheme(chosen: Theme): void {
  remember(KEY, chosen === "system" ? undefined : chosen);
  theme.value = chosen;
  apply();
}

/** To be called before anything is shown. */
export function startTheme(): void {
  apply();
}
