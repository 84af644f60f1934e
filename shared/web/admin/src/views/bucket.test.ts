import { expect, test } from "vitest";

import { draftOf, missingOf } from "./bucket";

const off = draftOf({ enabled: false, secret: "", secretSet: false, forcePathStyle: false });

test("a storage that is on needs all of its address and its keys", () => {
  expect(missingOf(off, false)).toEqual([]);
  const on = { ...off, enabled: true, endpoint: "https://s3.example.org", bucket: "video" };
  expect(missingOf(on, false)).toEqual(["region", "accessKey", "secret"]);
  expect(missingOf({ ...on, region: "eu", accessKey: "a" }, true)).toEqual([]);
});
