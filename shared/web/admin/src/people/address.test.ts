import { expect, test } from "vitest";

import { isAddress } from "./address";

test("one address of IPv4 or IPv6 is an address, and nothing else", () => {
  for (const typed of ["192.0.2.40", "0.0.0.0", "2001:db8::1", "::1", "::ffff:192.0.2.1"]) {
    expect(isAddress(typed), typed).toBe(true);
  }
  for (const typed of [
    "",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.0/24",
    "01.2.3.4",
    "2001:db8::1::2",
    "example.org",
    "a:b@c",
  ]) {
    expect(isAddress(typed), typed).toBe(false);
  }
});
