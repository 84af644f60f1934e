/** Colours as numbers: what they are, how they mix, and how well one can be read on another (WCAG 2.2). Pure. */

/** An opaque colour. Its parts may have fractions, as mixing gives them. */
export interface Color {
  /** 0 to 255, gamma-encoded sRGB. */
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

/** Least contrast of text (WCAG 2.2, 1.4.3). */
export const TEXT_CONTRAST = 4.5;
/** Least contrast of what is not text but has to be seen (WCAG 2.2, 1.4.11). */
export const SHAPE_CONTRAST = 3;

/** The lightest colour. */
export const WHITE: Color = { red: 255, green: 255, blue: 255 };
/** The darkest colour. */
export const BLACK: Color = { red: 0, green: 0, blue: 0 };

/**
 * A colour that is written as `#rgb`, `#rrggbb` or `rgb()` in numbers, with or without opacity, which is passed over. Others
 * are lawful CSS as well, but only a browser knows what they are: null.
 */
export function colorOf(text: string): Color | null {
  const written = text.trim().toLowerCase();
  const digits = /^#(?:([\da-f]{3})[\da-f]?|([\da-f]{6})(?:[\da-f]{2})?)$/u.exec(written);
  if (digits !== null) {
    const all = digits[2] ?? (digits[1] ?? "").replace(/./gu, "$&$&");
    const part = (at: number): number => Number.parseInt(all.slice(at, at + 2), 16);
    return { red: part(0), green: part(2), blue: part(4) };
  }
  const parts = /^rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*[\d.]+%?\s*)?\)$/u.exec(
    written,
  );
  if (parts === null) return null;
  const part = (at: number): number => Math.min(255, Number(parts[at]));
  return { red: part(1), green: part(2), blue: part(3) };
}

/** `#rrggbb`, as pickers take it. */
export function hexOf({ red, green, blue }: Color): string {
  const part = (value: number): string => Math.round(value).toString(16).padStart(2, "0");
  return `#${part(red)}${part(green)}${part(blue)}`;
}

/** Relative luminance, 0 to 1. */
export function luminance({ red, green, blue }: Color): number {
  const linear = (value: number): number => {
    const part = value / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** Contrast, 1 to 21. */
export function contrast(one: Color, other: Color): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** `share` of one colour, the rest of the other. */
export function mix(one: Color, other: Color, share: number): Color {
  const part = (a: number, b: number): number => a * share + b * (1 - share);
  return {
    red: part(one.red, other.red),
    green: part(one.green, other.green),
    blue: part(one.blue, other.blue),
  };
}

/** Black or white, whichever is read better on a ground. */
export function plainOn(ground: Color): Color {
  return contrast(WHITE, ground) >= contrast(BLACK, ground) ? WHITE : BLACK;
}

/** Whether text on a ground is rather light than dark. */
export function isDark(ground: Color): boolean {
  return plainOn(ground) === WHITE;
}

const STEPS = 20;

/** The colour itself if it has the contrast on all grounds, or the nearest towards a ground's plain text that has. */
export function readable(color: Color, grounds: readonly Color[], least: number): Color {
  const first = grounds[0];
  if (first === undefined) return color;
  const plain = plainOn(first);
  for (let step = 0; step <= STEPS; step += 1) {
    const mixed = mix(plain, color, step / STEPS);
    if (grounds.every((ground) => contrast(mixed, ground) >= least)) return mixed;
  }
  return plain;
}
