/**
 * In which language pages speak. Each application has its own catalogue: an object of texts, and of functions where a text
 * depends on something, in English; the other languages have the same type, so a text that is missing does not compile.
 */
import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import { recall, remember } from "../storage";

/** The languages that are complete, by what they call themselves. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
/** The tag of a language that is complete (BCP 47). */
export type Language = keyof typeof LANGUAGES;

const KEY = "farcast.language";

function isLanguage(tag: string | undefined): tag is Language {
  return tag !== undefined && Object.hasOwn(LANGUAGES, tag);
}

/** What the viewer chose, else the first of the browser's languages that there is, else English. */
export function preferred(chosen: string | undefined, wanted: readonly string[]): Language {
  const tags = [chosen, ...wanted].map((tag) => tag?.split("-")[0]?.toLowerCase());
  return tags.find(isLanguage) ?? "en";
}

/** The language that the page speaks. */
export const language = signal<Language>(
  preferred(recall(KEY), typeof navigator === "undefined" ? [] : navigator.languages),
);

/** How numbers and dates are written: as in the viewer's country, where the browser tells it. */
export const locale = computed(() => {
  const wanted = typeof navigator === "undefined" ? [] : navigator.languages;
  return wanted.find((tag) => tag.split("-")[0]?.toLowerCase() === language.value) ?? language.value;
});

/** Makes the page speak a language, and remembers it in this browser. */
export function chooseLanguage(chosen: Language): void {
  remember(KEY, chosen);
  language.value = chosen;
  document.documentElement.lang = chosen;
}

/** The texts of an application in the language of now. */
export function catalogue<T>(texts: Readonly<Record<Language, T>>): ReadonlySignal<T> {
  return computed(() => texts[language.value]);
}
