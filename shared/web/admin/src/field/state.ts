/** A setting while it is edited: what the server has, what is typed, and how its saving went. Pure. */

/** How a field stands: as the server has it, changed, on its way to the server, saved, or not saved. */
export type Phase = "same" | "changed" | "saving" | "saved" | "failed";

/** A setting of type `T` while it is edited. */
export interface Field<T> {
  /** What the server has. */
  readonly kept: T;
  readonly draft: T;
  readonly phase: Phase;
  /** Why it was not saved. */
  readonly problem: string;
  /** What the server had before the last change, to go back to. */
  readonly before: { readonly value: T } | null;
}

/**
 * What happens to a field: it is typed into, sent, stored by the server, refused, or put back to what the server has.
 */
export type FieldEvent<T> =
  | { readonly kind: "edited"; readonly draft: T }
  | { readonly kind: "sent" }
  | { readonly kind: "stored"; readonly value: T }
  | { readonly kind: "failed"; readonly problem: string }
  | { readonly kind: "undone" };

/** Whether two values are the same as JSON, in which the order of an object's members counts. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The field of a setting as the server has it, not edited yet. */
export function begin<T>(kept: T): Field<T> {
  return { kept, draft: kept, phase: "same", problem: "", before: null };
}

/** What undoing leads to: what the server has, or, where that is what is shown, what it had before. */
export function undone<T>(field: Field<T>): T {
  return field.phase === "saved" && field.before !== null ? field.before.value : field.kept;
}

/** The field after an event. What is typed while a value is on its way counts as changed once that is stored. */
export function next<T>(field: Field<T>, event: FieldEvent<T>): Field<T> {
  switch (event.kind) {
    case "edited":
      return {
        ...field,
        draft: event.draft,
        phase: isSame(event.draft, field.kept) ? "same" : "changed",
        problem: "",
      };
    case "sent":
      return { ...field, phase: "saving", problem: "" };
    case "stored":
      // What was typed while it was on its way is not saved yet.
      return {
        kept: event.value,
        draft: field.draft,
        phase: isSame(field.draft, event.value) ? "saved" : "changed",
        problem: "",
        before: { value: field.kept },
      };
    case "failed":
      return { ...field, phase: "failed", problem: event.problem };
    case "undone":
      return begin(field.kept);
  }
}

/** Lines of a text area as a list: without empty ones, spaces at the ends and repetitions. */
export function listOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ""))];
}
