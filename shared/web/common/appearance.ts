/**
 * The owner's colours, by Owncast's names of variables, as the colours that pages here are made of (`tokens.css`). Pure.
 *
 * Few are given: a ground, a text, the colour of actions. The rest is derived from them, so that lines, quiet text, links and
 * buttons can be read on whatever ground the owner chose. A ground or a text decides whether the page is light or dark, whatever
 * the viewer's system says, since the other half would not fit it; an action colour alone leaves that to the viewer.
 */
import {
  BLACK,
  colorOf,
  contrast,
  hexOf,
  isDark,
  mix,
  plainOn,
  readable,
  SHAPE_CONTRAST,
  TEXT_CONTRAST,
} from "./color";
import type { Color } from "./color";

/** `appearanceVariables` of the API. */
export type Variables = Readonly<Record<string, string>>;
/** What lies behind texts: something light or something dark. */
export type Ground = "light" | "dark";
/** Values of tokens, by their names with dashes. */
export type Tokens = Readonly<Record<string, string>>;

/** What the owner can set and pages here follow. */
export const NAMES = {
  ground: "theme-color-background-main",
  content: "theme-color-components-content-background",
  text: "theme-color-components-text-on-light",
  action: "theme-color-action",
  actionText: "theme-color-components-primary-button-text",
  header: "theme-color-background-header",
  headerText: "theme-color-components-text-on-dark",
  chat: "theme-color-components-chat-background",
  chatText: "theme-color-components-chat-text",
  corners: "theme-rounded-corners",
} as const;
/** What a variable of the owner's is for: a colour of a part of the page, or its corners. */
export type Role = keyof typeof NAMES;
/** A role whose variable is a colour: all but the corners. */
export type ColorRole = Exclude<Role, "corners">;

/** A part of the page with a ground of its own. */
export interface Area {
  /** What it is; null follows what is around it. */
  readonly ground: Ground | null;
  readonly tokens: Tokens;
}

/** The owner's colours as tokens: of the whole page, and of its parts that have a ground of their own. */
export interface Look {
  /** What all of the page has, on the ground that it has. */
  readonly page: Area;
  /** What differs on light and on dark ground, where the page's is the viewer's choice. */
  readonly on: Readonly<Record<Ground, Tokens>>;
  readonly header: Area;
  readonly chat: Area;
}

/** `--ground`, `--surface`, `--raised` and `--text` of tokens.css. */
export const DEFAULTS: Readonly<
  Record<Ground, Readonly<Record<"ground" | "surface" | "raised" | "text", string>>>
> = {
  light: { ground: "#f6f7f9", surface: "#ffffff", raised: "#ffffff", text: "#171a20" },
  dark: { ground: "#0f1115", surface: "#171a20", raised: "#20242c", text: "#eceef2" },
};

const MOST_CORNER_PX = 40;
const NONE: Area = { ground: null, tokens: {} };

/** What a written colour is; null where that is not known. */
export type ReadColor = (text: string) => Color | null;

/**
 * The look that the owner's variables give. `read` tells what a written colour is; one that it does not know counts
 * as not given.
 */
export function lookOf(given: Variables, read: ReadColor = colorOf): Look {
  const value = (role: Role): string | undefined => given[NAMES[role]];
  const color = (role: Role): Color | null => read(value(role) ?? "");
  const action = color("action");
  const actionText = color("actionText");
  const ground = color("ground");
  const content = color("content");
  const text = color("text");
  const corners = cornersOf(value("corners"));

  const under = ground ?? content ?? (text === null ? null : underText(text));
  const pageGround = under === null ? null : groundOf(under);
  const accents = (on: Ground): Tokens =>
    action === null
      ? {}
      : accentsOf(action, actionText, [known(on, "surface"), known(on, "ground"), known(on, "raised")]);
  const page =
    pageGround === null ? {} : areaOf({ ground, surface: content, text, action, actionText, on: pageGround });
  const apart = (surface: Color | null, text: Color | null): Area => {
    if (surface === null) return NONE;
    const on = groundOf(surface);
    return { ground: on, tokens: areaOf({ ground: surface, surface, text, action, actionText, on }) };
  };
  const chatText = color("chatText");
  return {
    page: { ground: pageGround, tokens: { ...page, ...corners } },
    on: pageGround === null ? { light: accents("light"), dark: accents("dark") } : { light: {}, dark: {} },
    header: apart(color("header"), color("headerText")),
    chat: apart(color("chat") ?? (chatText === null ? null : (content ?? underText(chatText))), chatText),
  };
}

/** The ground for which a text is meant that has none of its own. */
function underText(text: Color): Color {
  return known(groundOf(plainOn(text)), "surface");
}

function groundOf(color: Color): Ground {
  return isDark(color) ? "dark" : "light";
}

function known(on: Ground, name: "ground" | "surface" | "raised" | "text"): Color {
  return colorOf(DEFAULTS[on][name]) ?? BLACK;
}

interface Chosen {
  readonly ground: Color | null;
  readonly surface: Color | null;
  readonly text: Color | null;
  readonly action: Color | null;
  readonly actionText: Color | null;
  readonly on: Ground;
}

/** All tokens of an area whose ground, surface or text is given. */
function areaOf(chosen: Chosen): Tokens {
  const { on, action, actionText } = chosen;
  const text = chosen.text ?? known(on, "text");
  const ground = chosen.ground ?? known(on, "ground");
  const plain = plainOn(ground);
  // Cards lie a little above the ground: lighter in the dark, and on light ground as near to white.
  const surface =
    chosen.surface ??
    (chosen.ground === null ? known(on, "surface") : lifted(ground, on === "dark" ? 0.05 : 0.55));
  const raised =
    chosen.surface === null && chosen.ground === null
      ? known(on, "raised")
      : lifted(surface, on === "dark" ? 0.06 : 0.4);
  const grounds = [surface, ground, raised];
  const quiet = readable(mix(text, surface, 0.72), grounds, Math.min(TEXT_CONTRAST, contrast(text, surface)));
  return written({
    ground,
    surface,
    raised,
    hover: mix(text, surface, 0.09),
    line: mix(text, surface, 0.14),
    "line-strong": readable(mix(text, surface, 0.45), grounds, SHAPE_CONTRAST),
    text,
    "text-quiet": quiet,
    ...(action === null
      ? { "accent-soft": mix(plain, surface, 0.1) }
      : { "accent-soft": mix(action, surface, 0.16) }),
    ...(action === null ? {} : accentColors(action, actionText, grounds)),
  });
}

function lifted(color: Color, share: number): Color {
  return mix({ red: 255, green: 255, blue: 255 }, color, share);
}

function accentsOf(action: Color, text: Color | null, grounds: readonly Color[]): Tokens {
  const surface = grounds[0] ?? action;
  return written({ "accent-soft": mix(action, surface, 0.16), ...accentColors(action, text, grounds) });
}

/** Links and marks can be read; buttons have the very colour. */
function accentColors(
  action: Color,
  text: Color | null,
  grounds: readonly Color[],
): Readonly<Record<string, Color>> {
  return {
    accent: readable(action, grounds, TEXT_CONTRAST),
    "accent-ground": action,
    "on-accent": text ?? plainOn(action),
  };
}

function written(colors: Readonly<Record<string, Color>>): Tokens {
  return Object.fromEntries(Object.entries(colors).map(([name, color]) => [`--${name}`, hexOf(color)]));
}

/** The radius in pixels, 0 to 40, of `12px` or `12`. */
export function cornerPx(value: string | undefined): number | null {
  const match = /^(\d{1,3}(?:\.\d{1,3})?)(?:px)?$/u.exec(value?.trim() ?? "");
  return match === null ? null : Math.min(MOST_CORNER_PX, Number(match[1]));
}

function cornersOf(value: string | undefined): Tokens {
  const radius = cornerPx(value);
  if (radius === null) return {};
  return {
    "--radius-small": `${Math.round(radius * 6) / 10}px`,
    "--radius": `${radius}px`,
    "--radius-large": `${Math.round(radius * 16) / 10}px`,
  };
}

/** What two colours are to each other, and their contrast. */
export interface Pair {
  readonly text: ColorRole;
  readonly on: ColorRole;
  readonly contrast: number;
}

/** Texts that are hard to read on their grounds, where the owner chose one of the two. What is derived can be read. */
export function hardToRead(given: Variables, read: ReadColor = colorOf): readonly Pair[] {
  const { page, on, header, chat } = lookOf(given, read);
  const isGiven = (role: Role): boolean => read(given[NAMES[role]] ?? "") !== null;
  const accents = page.ground === null ? on.light : page.tokens;
  const pairs: readonly (readonly [ColorRole, ColorRole, Tokens, string, string])[] = [
    ["text", "ground", page.tokens, "--text", "--ground"],
    ["text", "content", page.tokens, "--text", "--surface"],
    ["headerText", "header", header.tokens, "--text", "--surface"],
    ["chatText", "chat", chat.tokens, "--text", "--surface"],
    ["actionText", "action", accents, "--on-accent", "--accent-ground"],
  ];
  return pairs.flatMap(([text, on, tokens, textToken, groundToken]) => {
    if (!isGiven(on) && !(on === "ground" && isGiven(text))) return [];
    const [one, other] = [colorOf(tokens[textToken] ?? ""), colorOf(tokens[groundToken] ?? "")];
    if (one === null || other === null) return [];
    const found = contrast(one, other);
    return found < TEXT_CONTRAST ? [{ text, on, contrast: found }] : [];
  });
}
