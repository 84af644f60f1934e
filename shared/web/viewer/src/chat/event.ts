/** What the chat's socket and history say, as far as the page uses it: read from JSON, anything else is left out. */

/** A user of the chat. */
export interface User {
  readonly id: string;
  readonly name: string;
  /** Hue of the name, 0 to 360. */
  readonly hue: number;
  readonly isModerator: boolean;
  readonly isBot: boolean;
  /** When they came here for the first time, in milliseconds. */
  readonly sinceMs?: number;
}

interface At {
  readonly id: string;
  /** When, in milliseconds. */
  readonly atMs: number;
}

/**
 * What the server tells: of lines, of who this viewer is, or that they may not come. Its HTML is still to be cleaned.
 */
export type ChatEvent =
  | (At & { kind: "message"; user: User; html: string; clientId: number | undefined; isHidden: boolean })
  | (At & { kind: "system"; html: string; from: string })
  | (At & { kind: "action"; html: string })
  | (At & { kind: "joined" | "parted"; user: User })
  | (At & { kind: "renamed"; user: User; before: string })
  | { kind: "visibility"; ids: readonly string[]; isVisible: boolean }
  /** Who this connection is. */
  | { kind: "me"; user: User }
  | { kind: "removed" }
  /** Nobody knows this access token. */
  | { kind: "unknown-token" };

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function userOf(value: unknown): User | undefined {
  if (!isObject(value)) return undefined;
  const { id, displayName, displayColor, scopes, isBot, createdAt } = value;
  const sinceMs = Date.parse(text(createdAt));
  return {
    id: text(id),
    name: text(displayName),
    hue: typeof displayColor === "number" ? displayColor % 360 : 0,
    isModerator: Array.isArray(scopes) && scopes.includes("MODERATOR"),
    isBot: isBot === true,
    ...(Number.isNaN(sinceMs) ? {} : { sinceMs }),
  };
}

/** The event of an object; none if it is of a kind that the page does not know. */
export function eventOf(value: unknown): ChatEvent | undefined {
  if (!isObject(value)) return undefined;
  const at = { id: text(value["id"]), atMs: Date.parse(text(value["timestamp"])) || 0 };
  const html = text(value["body"]);
  const user = userOf(value["user"]);
  switch (value["type"]) {
    case "CHAT": {
      const clientId = typeof value["clientId"] === "number" ? value["clientId"] : undefined;
      const isHidden = value["visible"] === false || typeof value["hiddenAt"] === "string";
      return user === undefined ? undefined : { ...at, kind: "message", user, html, clientId, isHidden };
    }
    case "SYSTEM":
      return { ...at, kind: "system", html, from: user?.name ?? "" };
    case "CHAT_ACTION":
      return { ...at, kind: "action", html };
    case "USER_JOINED":
      return user === undefined ? undefined : { ...at, kind: "joined", user };
    case "USER_PARTED":
      return user === undefined ? undefined : { ...at, kind: "parted", user };
    case "NAME_CHANGE":
      return user === undefined
        ? undefined
        : { ...at, kind: "renamed", user, before: text(value["oldName"]) };
    case "VISIBILITY-UPDATE": {
      const ids = Array.isArray(value["ids"]) ? value["ids"].filter((id) => typeof id === "string") : [at.id];
      return { kind: "visibility", ids, isVisible: value["visible"] === true };
    }
    case "CONNECTED_USER_INFO":
      return user === undefined ? undefined : { kind: "me", user };
    case "ERROR_USER_DISABLED":
      return { kind: "removed" };
    case "ERROR_NEEDS_REGISTRATION":
      return { kind: "unknown-token" };
    default:
      return undefined;
  }
}

/** The events of a frame, which may have several objects, one a line. */
export function eventsOf(frame: string): ChatEvent[] {
  return frame.split("\n").flatMap((line) => {
    try {
      const event = line === "" ? undefined : eventOf(JSON.parse(line));
      return event === undefined ? [] : [event];
    } catch {
      return [];
    }
  });
}
