/**
 * The lines of the chat, in order and each once, however they come: by the socket, by the history after a connection, or
 * written here and still to be confirmed. Plain data: no socket, no clock, no page.
 *
 * Invariants: no id is there twice; a line keeps its key for as long as it is shown, also when it is confirmed; at most
 * `MOST_LINES` are kept, the newest.
 */
import type { ChatEvent, User } from "./event";

/** The most lines that are kept. */
export const MOST_LINES = 10_000;
/** So many go at once when there are more, so that the list is not built anew with each. */
const DROPPED_AT_ONCE = 500;

/** A line of the chat as it is shown. `gap` says that lines may be missing there. */
export interface Line {
  /** Names it for as long as it is shown. */
  readonly key: string;
  /** The server's name for it; none while it is not confirmed. */
  readonly id: string | undefined;
  readonly atMs: number;
  readonly kind: "message" | "system" | "action" | "joined" | "parted" | "renamed" | "gap";
  readonly user?: User;
  readonly html?: string;
  /** What was written, of a line that is not confirmed. */
  readonly text?: string;
  /** The name before a change. */
  readonly before?: string;
  readonly isHidden?: boolean;
  readonly state?: "sending" | "failed";
}

type Told = Extract<ChatEvent, { id: string }>;
type Message = Extract<ChatEvent, { kind: "message" }>;

/** Letters and digits only: what Markdown leaves as it is. */
export function bare(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
}

/** What HTML says, with what pictures stand for. */
function said(html: string): string {
  const alt = html.replace(/<img\b[^>]*?\balt="([^"]*)"[^>]*>/giu, "$1").replace(/<[^>]*>/gu, "");
  return alt.replace(/&(?:amp|lt|gt|quot|#\d+);/gu, "");
}

/** Whether a line was written here and is not confirmed. */
function isPending(line: Line): boolean {
  return line.id === undefined && line.text !== undefined;
}

/** The pending line that says the same, whatever Markdown took from it. */
function sameOf(event: Message, lines: readonly Line[]): number {
  const words = bare(said(event.html));
  return lines.findIndex((line) => isPending(line) && bare(line.text ?? "") === words);
}

function lineOf(event: Told, key: string): Line {
  const { id, atMs, kind } = event;
  switch (kind) {
    case "message":
      return { key, id, atMs, kind, user: event.user, html: event.html, isHidden: event.isHidden };
    case "system":
      return { key, id, atMs, kind, html: event.html, before: event.from };
    case "action":
      return { key, id, atMs, kind, html: event.html };
    case "joined":
    case "parted":
      return { key, id, atMs, kind, user: event.user };
    case "renamed":
      return { key, id, atMs, kind, user: event.user, before: event.before };
  }
}

/** The lines of the chat, changed by what the socket, the history and the viewer bring. */
export class ChatLog {
  private kept: Line[] = [];
  private snapshot: readonly Line[] | undefined;
  private ids = new Set<string>();
  private lastKey = 0;
  /** The number that the server gave this connection, once it is known. */
  private clientId: number | undefined;
  /** The number of the connection before, once one ended. */
  private clientIdBefore: number | undefined;

  /** All lines, as a list that stays as it is. It is made when it is asked for: many lines may come before somebody looks. */
  get lines(): readonly Line[] {
    return (this.snapshot ??= [...this.kept]);
  }

  private set lines(lines: readonly Line[]) {
    this.kept = [...lines];
    this.snapshot = lines;
  }

  /** A new connection has a number of its own. */
  connected(): void {
    this.clientIdBefore = this.clientId ?? this.clientIdBefore;
    this.clientId = undefined;
  }

  /** Takes an event; true if the lines changed. */
  take(event: ChatEvent, me: string | undefined): boolean {
    if (event.kind === "visibility") return this.setVisible(event.ids, event.isVisible);
    if (!("id" in event) || this.ids.has(event.id)) return false;
    this.ids.add(event.id);
    const pending = event.kind === "message" && event.user.id === me ? this.pendingOf(event) : -1;
    const before = this.kept[pending];
    if (before === undefined) this.append(lineOf(event, this.newKey()));
    else {
      const rest = this.lines.filter((_, index) => index !== pending);
      this.lines = [...rest, lineOf(event, before.key)];
    }
    return true;
  }

  /**
   * Merges the history that the server gave, oldest first: what is missing is put in its place. Where nothing of it is known
   * although there are lines, some may be missing in between, which a line of its own says. A line of `me` that was taken, though
   * the connection was lost before it was confirmed, is confirmed.
   */
  merge(history: readonly ChatEvent[], me?: string): boolean {
    const told = history.filter((event): event is Told => "id" in event);
    const missing = told.filter(({ id }) => !this.ids.has(id));
    if (missing.length === 0) return false;
    const hadLines = this.lines.some(({ kind, id }) => kind === "message" && id !== undefined);
    const isGap = hadLines && missing.length === told.length;
    const lines = [...this.lines];
    let at = 0;
    let isFirst = true;
    for (const event of told) {
      const known = this.ids.has(event.id) ? lines.findIndex(({ id }) => id === event.id) : -1;
      if (known >= 0) {
        at = known + 1;
        continue;
      }
      this.ids.add(event.id);
      while ((lines[at]?.atMs ?? Infinity) <= event.atMs) at += 1;
      if (isFirst && isGap) {
        const key = this.newKey();
        lines.splice(at, 0, { key, id: undefined, atMs: event.atMs, kind: "gap" });
        at += 1;
      }
      isFirst = false;
      const pending = event.kind === "message" && event.user.id === me ? this.missedOf(event, lines) : -1;
      const [taken] = pending < 0 ? [] : lines.splice(pending, 1);
      if (pending >= 0 && pending < at) at -= 1;
      lines.splice(at, 0, lineOf(event, taken?.key ?? this.newKey()));
      at += 1;
    }
    this.lines = lines;
    this.trim();
    return true;
  }

  /** A line that was written here; gives its key. */
  write(text: string, user: User, atMs: number): string {
    const key = this.newKey();
    this.append({ key, id: undefined, atMs, kind: "message", user, text, state: "sending" });
    return key;
  }

  /** A line was not confirmed in time. */
  fail(key: string): boolean {
    const isMeant = (line: Line): boolean => line.key === key && line.state === "sending";
    if (!this.lines.some(isMeant)) return false;
    this.lines = this.lines.map((line) => (isMeant(line) ? { ...line, state: "failed" } : line));
    return true;
  }

  /** Nothing of what is being sent is taken; a line that was taken after all is confirmed as usual. */
  failAll(): boolean {
    const isSending = this.lines.some(({ state }) => state === "sending");
    if (isSending) {
      this.lines = this.lines.map((line) => (line.state === "sending" ? { ...line, state: "failed" } : line));
    }
    return isSending;
  }

  /** Takes away a line that is not confirmed; gives what was written. */
  discard(key: string): string | undefined {
    const line = this.lines.find((one) => one.key === key && one.id === undefined);
    if (line !== undefined) this.lines = this.lines.filter((one) => one !== line);
    return line?.text;
  }

  /** Whether a user moderates is shown at all their lines. */
  setModerator(userId: string, isModerator: boolean): void {
    this.lines = this.lines.map((line) =>
      line.user?.id === userId ? { ...line, user: { ...line.user, isModerator } } : line,
    );
  }

  private setVisible(ids: readonly string[], isVisible: boolean): boolean {
    const named = new Set(ids);
    const isMeant = (line: Line): boolean =>
      line.id !== undefined && named.has(line.id) && line.isHidden !== !isVisible;
    if (!this.lines.some(isMeant)) return false;
    this.lines = this.lines.map((line) => (isMeant(line) ? { ...line, isHidden: !isVisible } : line));
    return true;
  }

  /** Which of the lines that are to be confirmed an own message is. */
  private pendingOf(event: Message): number {
    const same = sameOf(event, this.kept);
    if (same >= 0) {
      this.clientId ??= event.clientId;
      return same;
    }
    // Markdown changed it. Of another window of the same viewer it is not.
    const isOurs = this.clientId === undefined || this.clientId === event.clientId;
    return isOurs ? this.lines.findIndex((line) => isPending(line) && line.state === "sending") : -1;
  }

  /** The same of a message that the connection before did not bring. */
  private missedOf(event: Message, lines: readonly Line[]): number {
    const same = sameOf(event, lines);
    if (same >= 0) return same;
    const isOurs = event.clientId !== undefined && event.clientId === this.clientIdBefore;
    return isOurs ? lines.findIndex(isPending) : -1;
  }

  private newKey(): string {
    this.lastKey += 1;
    return String(this.lastKey);
  }

  private append(line: Line): void {
    this.kept.push(line);
    this.snapshot = undefined;
    this.trim();
  }

  private trim(): void {
    if (this.kept.length <= MOST_LINES) return;
    const gone = this.kept.splice(0, this.kept.length - MOST_LINES + DROPPED_AT_ONCE);
    this.snapshot = undefined;
    for (const { id } of gone) if (id !== undefined) this.ids.delete(id);
  }
}
