import { expect, test } from "vitest";

import { preferred } from "./language";

test("the viewer's choice comes before the browser's, and English last", () => {
  expect(preferred("de", ["en"])).toBe("de");
  expect(preferred(undefined, ["fr-FR", "de-AT", "en"])).toBe("de");
  expect(preferred("xx", ["EN-us"])).toBe("en");
  expect(preferred(undefined, [])).toBe("en");
  expect(preferred("toString", [])).toBe("en");
});
