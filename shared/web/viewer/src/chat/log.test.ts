import { describe, expect, test } from "vitest";

import type { ChatEvent } from "./event";
import { bare, ChatLog, MOST_LINES } from "./log";

const user = (id: string) => ({ id, name: id, hue: 0, isModerator: false, isBot: false });
const message = (id: string, atMs: number, html = id, by = "other", clientId?: number): ChatEvent => ({
  kind: "message",
  id,
  atMs,
  user: user(by),
  html,
  clientId,
  isHidden: false,
});
const shown = (log: ChatLog) => log.lines.map((line) => line.id ?? line.text ?? line.kind);

describe("what comes twice is there once", () => {
  test("by the socket and by the history", () => {
    const log = new ChatLog();
    expect(log.take(message("b", 2), undefined)).toBe(true);
    expect(log.take(message("b", 2), undefined)).toBe(false);
    log.merge([message("a", 1), message("b", 2)]);
    expect(shown(log)).toEqual(["a", "b"]);
  });

  test("after a reconnection what was missed is put in its place", () => {
    const log = new ChatLog();
    for (const event of [message("a", 1), message("b", 2)]) log.take(event, undefined);
    log.connected();
    log.take(message("e", 5), undefined);
    log.merge([message("b", 2), message("c", 3), message("d", 4), message("e", 5)]);
    expect(shown(log)).toEqual(["a", "b", "c", "d", "e"]);
    expect(log.merge([message("d", 4), message("e", 5)])).toBe(false);
  });

  test("the server's order counts where clocks differ", () => {
    const log = new ChatLog();
    log.take(message("a", 10), undefined);
    log.merge([message("a", 10), message("b", 5), message("c", 6)]);
    expect(shown(log)).toEqual(["a", "b", "c"]);
  });

  test("a history that reaches back to nothing known may have lost some", () => {
    const log = new ChatLog();
    log.take(message("a", 1), undefined);
    log.merge([message("x", 100), message("y", 101)]);
    expect(shown(log)).toEqual(["a", "gap", "x", "y"]);
  });
});

describe("an own line", () => {
  test("is shown at once and confirmed in the server's order, with its key", () => {
    const log = new ChatLog();
    const key = log.write("**hello** you!", user("me"), 1);
    log.take(message("a", 2), "me");
    log.take(message("b", 3, "<p><strong>hello</strong> you!</p>", "me", 7), "me");
    expect(shown(log)).toEqual(["a", "b"]);
    expect(log.lines[1]?.key).toBe(key);
    expect(log.lines[1]?.state).toBeUndefined();
  });

  test("is confirmed by what Markdown made of it, in the order of writing", () => {
    const log = new ChatLog();
    log.write("[here](https://a.example)", user("me"), 1);
    log.write("second", user("me"), 2);
    log.take(message("a", 3, "<a>here</a>", "me", 7), "me");
    expect(shown(log)).toEqual(["second", "a"]);
  });

  test("is not confirmed by another window of the same viewer", () => {
    const log = new ChatLog();
    log.write("one", user("me"), 1);
    log.take(message("a", 2, "one", "me", 7), "me");
    log.write("[two](https://a.example)", user("me"), 3);
    log.take(message("b", 4, "elsewhere", "me", 8), "me");
    expect(shown(log)).toEqual(["a", "[two](https://a.example)", "b"]);
  });

  test("that is not confirmed fails, and can be taken away", () => {
    const log = new ChatLog();
    const key = log.write("hi", user("me"), 1);
    expect(log.fail(key)).toBe(true);
    expect(log.fail(key)).toBe(false);
    expect(log.lines[0]?.state).toBe("failed");
    // It may have arrived all the same.
    log.take(message("a", 2, "hi", "me", 7), "me");
    expect(shown(log)).toEqual(["a"]);
    expect(log.discard(key)).toBeUndefined();
  });

  test("that was taken before the connection was lost is confirmed by the history", () => {
    const log = new ChatLog();
    log.write("hello", user("me"), 1);
    log.take(message("a", 1, "hello", "me", 7), "me");
    log.fail(log.write("**taken**", user("me"), 2));
    const key = log.write("[taken too](https://a.example)", user("me"), 3);
    log.write("lost", user("me"), 4);
    log.connected();
    const history = [
      message("a", 1, "hello", "me", 7),
      message("b", 5, "<strong>taken</strong>", "me", 7),
      message("c", 6, "<a>taken too</a>", "me", 7),
      message("d", 7, "elsewhere", "me", 8),
    ];
    log.merge(history, "me");
    expect(shown(log)).toEqual(["a", "lost", "b", "c", "d"]);
    expect(log.lines[3]?.key).toBe(key);
  });
});

test("messages are hidden and shown again", () => {
  const log = new ChatLog();
  log.take(message("a", 1), undefined);
  expect(log.take({ kind: "visibility", ids: ["a", "z"], isVisible: false }, undefined)).toBe(true);
  expect(log.lines[0]?.isHidden).toBe(true);
  expect(log.take({ kind: "visibility", ids: ["a"], isVisible: false }, undefined)).toBe(false);
  log.take({ kind: "visibility", ids: ["a"], isVisible: true }, undefined);
  expect(log.lines[0]?.isHidden).toBe(false);
});

test("who moderates is shown at all their lines", () => {
  const log = new ChatLog();
  for (const [id, by] of [
    ["a", "ada"],
    ["b", "bob"],
    ["c", "ada"],
  ] as const) {
    log.take(message(id, 1, id, by), undefined);
  }
  log.setModerator("ada", true);
  expect(log.lines.map(({ user }) => user?.isModerator)).toEqual([true, false, true]);
});

test("only the newest are kept", () => {
  const log = new ChatLog();
  log.merge(Array.from({ length: MOST_LINES }, (_, index) => message(String(index), index)));
  log.take(message("last", MOST_LINES), undefined);
  expect(log.lines.length).toBeLessThanOrEqual(MOST_LINES);
  expect(log.lines.at(-1)?.id).toBe("last");
  expect(new Set(log.lines.map(({ key }) => key)).size).toBe(log.lines.length);
});

test("a list that was given stays as it is", () => {
  const log = new ChatLog();
  log.take(message("a", 1), undefined);
  const before = log.lines;
  expect(log.lines).toBe(before);
  log.take(message("b", 2), undefined);
  log.write("c", user("me"), 3);
  expect(before.length).toBe(1);
  expect(log.lines.length).toBe(3);
});

test("words are compared without what Markdown takes", () => {
  expect(bare("**Héllo**, _World_ 2!")).toBe("hélloworld2");
});
