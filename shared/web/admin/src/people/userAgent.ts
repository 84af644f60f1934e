/** What a browser says of itself, in the two words that people know it by. Pure. */

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//u, "Edge"],
  [/\bOPR\//u, "Opera"],
  [/\bSamsungBrowser\//u, "Samsung Internet"],
  [/\b(Firefox|FxiOS)\//u, "Firefox"],
  [/\b(HeadlessChrome|Chrome|CriOS|Chromium)\//u, "Chrome"],
  [/\bVersion\/.*\bSafari\//u, "Safari"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\b(iPhone|iPad)\b/u, "iOS"],
  [/\bAndroid\b/u, "Android"],
  [/\bWindows\b/u, "Windows"],
  [/\bMac OS X\b/u, "macOS"],
  [/\bCrOS\b/u, "ChromeOS"],
  [/\bLinux\b/u, "Linux"],
];

/** `Firefox, Windows`; what is not known is as it came, cut short. */
export function shortAgent(agent: string): string {
  const find = (known: readonly (readonly [RegExp, string])[]): string | undefined =>
    known.find(([pattern]) => pattern.test(agent))?.[1];
  const words = [find(BROWSERS), find(SYSTEMS)].filter((word) => word !== undefined);
  if (words.length > 0) return words.join(", ");
  return agent.length > 40 ? `${agent.slice(0, 40)}…` : agent;
}
