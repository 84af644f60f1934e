/** Which key does what. */

/** What a key can do with the player. */
export type Command = "play" | "mute" | "fullscreen" | "live" | "louder" | "quieter";

/** A key that was pressed, as `KeyboardEvent` has it. */
export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  /** Upper-case name of the focused element. */
  readonly focus: string;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  " ": "play",
  k: "play",
  m: "mute",
  f: "fullscreen",
  l: "live",
  ArrowUp: "louder",
  ArrowDown: "quieter",
};

/** The command of a key press, unless the focused control has a use for the key itself. */
export function commandOf(press: Press): Command | undefined {
  if (press.ctrlKey || press.metaKey || press.altKey) return undefined;
  if (press.focus === "SELECT" || press.focus === "TEXTAREA") return undefined;
  if (press.focus === "BUTTON" && press.key === " ") return undefined;
  if (press.focus === "INPUT" && press.key.startsWith("Arrow")) return undefined;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  return Object.hasOwn(COMMANDS, key) ? COMMANDS[key] : undefined;
}
