import { expect, test } from "vitest";

import { eventsOf } from "./event";

const user = { id: "u", displayName: "Ada", displayColor: 400, scopes: ["MODERATOR"], isBot: false };
const timestamp = "2026-01-02T03:04:05Z";

test("a frame may have several events, and what is not known is left out", () => {
  const frame = [
    JSON.stringify({ type: "CHAT", id: "a", timestamp, user, clientId: 7, body: "<b>hi</b>", visible: true }),
    "{",
    "",
    JSON.stringify({ type: "FEDIVERSE_ENGAGEMENT_LIKE", id: "b" }),
    JSON.stringify({ type: "VISIBILITY-UPDATE", id: "a", ids: ["a", 7], visible: false }),
  ].join("\n");
  const read = { id: "u", name: "Ada", hue: 40, isModerator: true, isBot: false };
  const atMs = Date.parse(timestamp);
  expect(eventsOf(frame)).toEqual([
    { kind: "message", id: "a", atMs, user: read, clientId: 7, html: "<b>hi</b>", isHidden: false },
    { kind: "visibility", ids: ["a"], isVisible: false },
  ]);
});

test("older servers name one message", () => {
  expect(eventsOf('{"type":"VISIBILITY-UPDATE","id":"a","visible":true}')).toEqual([
    { kind: "visibility", ids: ["a"], isVisible: true },
  ]);
});

test("nothing that is sent reaches an exception", () => {
  for (const frame of ["null", "7", "[]", '{"type":"CHAT"}', '{"type":"CHAT","user":7}', '{"type":{}}']) {
    expect(eventsOf(frame)).toEqual([]);
  }
});
