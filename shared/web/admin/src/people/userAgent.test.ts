import { expect, test } from "vitest";

import { shortAgent } from "./userAgent";

test("browsers are called by their names", () => {
  const agents = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0":
      "Edge, Windows",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/17.0 Mobile Safari/604":
      "Safari, iOS",
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0": "Firefox, Linux",
    "a-bot/1.0": "a-bot/1.0",
    "": "",
  };
  for (const [agent, name] of Object.entries(agents)) expect(shortAgent(agent)).toBe(name);
  expect(shortAgent("x".repeat(90))).toHaveLength(41);
});
