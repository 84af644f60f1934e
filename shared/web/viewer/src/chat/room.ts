/**
 * The chat as the page sees it: joins socket, history and log, and holds what they say as signals.
 *
 * After each opening of the socket the history is read and merged, so nothing between two connections is lost that the server
 * still has, and nothing is shown twice.
 */
import { batch, signal } from "@preact/signals";

import { ApiError, get, post } from "@common/api/client";
import type { Options, Read } from "@common/api/client";
import { wordsOf } from "@common/html";

import { mentioned } from "./alerts";
import { withCharacters } from "./complete";
import { Connection } from "./connection";
import type { ConnectionEvents } from "./connection";
import { loadOwn } from "./emoji";
import type { Emoji } from "./emoji";
import { eventOf, eventsOf } from "./event";
import type { ChatEvent, User } from "./event";
import { forgetToken, knownToken, refusal, register } from "./identity";
import { ChatLog } from "./log";
import type { Line } from "./log";
import { mayMention, mentions } from "./mention";
import { edges, onGone } from "../nearest";
import { Outbox } from "./outbox";
import { setModerator } from "./owner";
import { MUTED_MS, refusalOf } from "./refusal";
import type { Refusal } from "./refusal";

/** What moderators are told of somebody. */
export type About = Read<"/api/moderation/chat/user/{id}">;

/** Whether one can chat, or why not. */
export type RoomState = "connecting" | "open" | "away" | "disabled" | "removed" | "refused" | "crowded";

/** Whether the viewer cannot chat any more, whatever they wait for. */
export function isOver(state: RoomState): state is "disabled" | "removed" | "refused" {
  return state === "disabled" || state === "removed" || state === "refused";
}

/** A line that is not confirmed after so long was not delivered. */
const CONFIRMED_WITHIN_MS = 8_000;
/** Lines that come together are drawn together. */
const GATHER_MS = 80;
const ASK_AGAIN_MS = 8_000;
/** A history that could not be read is asked for again after so long. */
const READ_AGAIN_MS = 3_000;

/**
 * The chat with one server, for the life of a page: what is said and who the viewer is, as signals, and what they do.
 */
export class Room {
  readonly state = signal<RoomState>("connecting");
  readonly me = signal<User | undefined>(undefined);
  readonly lines = signal<readonly Line[]>([]);
  readonly own = signal<readonly Emoji[]>([]);
  /** Why the last line was not taken, until another is written; while it is `flooding`, none will be. */
  readonly refusal = signal<Refusal | undefined>(undefined);
  private readonly log = new ChatLog();
  private connection: Connection | undefined;
  private token: string | undefined;
  private gathering: number | undefined;
  private retry: number | undefined;
  private rereading: number | undefined;
  private readonly unconfirmed = new Map<string, number>();
  private readonly outbox = new Outbox();
  private posting: number | undefined;
  private muting: number | undefined;

  constructor() {
    onGone((base) => {
      // A socket to it may not notice for minutes.
      if (this.connection?.base === base) this.connection.lose();
    });
  }

  /** Takes part from now on. */
  enter(): void {
    if (this.connection !== undefined) return;
    this.state.value = "connecting";
    void this.join();
    loadOwn()
      .then((own) => (this.own.value = own))
      .catch(() => undefined);
  }

  /** The chat was switched off; `enter` begins again. */
  leave(state: "disabled" | "removed" | "refused"): void {
    window.clearTimeout(this.retry);
    window.clearTimeout(this.rereading);
    this.connection?.close();
    this.connection = undefined;
    this.state.value = state;
  }

  /** The network or the server is there again: no reason to sit out a pause. */
  wake(): void {
    this.connection?.wake();
  }

  /** The device has no network any more. */
  lose(): void {
    this.connection?.lose();
  }

  send(written: string): void {
    const text = withCharacters(written.trim(), this.own.value);
    const me = this.me.value;
    if (text === "" || me === undefined) return;
    if (this.refusal.value !== "flooding") this.refusal.value = undefined;
    const key = this.log.write(text, me, Date.now());
    if (!this.outbox.put({ message: { type: "CHAT", body: text }, key })) this.log.fail(key);
    this.post();
    this.show();
  }

  /** Sends what may be sent now, and comes back for the rest. */
  private post(): void {
    window.clearTimeout(this.posting);
    const isModerator = this.me.value?.isModerator === true;
    for (;;) {
      const letter = this.outbox.take(performance.now(), isModerator);
      if (letter === undefined) break;
      const isSent = this.connection?.send(letter.message) === true;
      if (letter.key !== undefined) this.sent(letter.key, isSent);
    }
    const waitMs = this.outbox.waitMs(performance.now(), isModerator);
    if (waitMs === undefined) return;
    this.posting = window.setTimeout(() => {
      this.post();
    }, waitMs);
  }

  /** A line went out, or could not. */
  private sent(key: string, isSent: boolean): void {
    if (!isSent) {
      if (this.log.fail(key)) this.showSoon();
      return;
    }
    const timer = window.setTimeout(() => {
      this.unconfirmed.delete(key);
      if (this.log.fail(key)) this.show();
    }, CONFIRMED_WITHIN_MS);
    this.unconfirmed.set(key, timer);
  }

  sendAgain(key: string): void {
    const text = this.log.discard(key);
    if (text !== undefined) this.send(text);
  }

  discard(key: string): void {
    this.log.discard(key);
    this.show();
  }

  /** Asks for another name; false if that cannot be sent now. */
  rename(name: string): boolean {
    return this.ask({ type: "NAME_CHANGE", newName: name });
  }

  /** Asks for another colour, a hue from 0 to 360; false if that cannot be sent now. */
  recolor(hue: number): boolean {
    return this.ask({ type: "COLOR_CHANGE", newColor: hue });
  }

  private ask(message: unknown): boolean {
    if (this.connection?.isOpen !== true || !this.outbox.put({ message })) return false;
    this.post();
    return true;
  }

  /** Where calls of the chat go: to the edge of its socket, as who this viewer is. */
  private get options(): Options {
    return { base: this.connection?.base ?? edges.current.value, query: { accessToken: this.token ?? "" } };
  }

  /** For moderators: hides a message, or shows it again. */
  async setVisible(id: string, isVisible: boolean): Promise<void> {
    await post("/api/chat/messagevisibility", { idArray: [id], visible: isVisible }, this.options);
  }

  /** For moderators: removes a user, whose messages are hidden, or lets them back. */
  async setEnabled(userId: string, enabled: boolean): Promise<void> {
    await post("/api/chat/users/setenabled", { userId, enabled }, this.options);
  }

  /** For the owner: lets a user moderate, or not any more. */
  async setModerator(userId: string, isModerator: boolean): Promise<void> {
    await setModerator(userId, isModerator);
    this.log.setModerator(userId, isModerator);
    this.show();
  }

  /** For moderators: what is known of a user. */
  about(id: string): Promise<About> {
    return get("/api/moderation/chat/user/{id}", { path: { id }, ...this.options });
  }

  private async join(): Promise<void> {
    window.clearTimeout(this.retry);
    const base = edges.current.value;
    try {
      this.token = knownToken() ?? (await register(base));
    } catch (error) {
      this.state.value = refusal(error);
      if (this.state.value === "away" && navigator.onLine) edges.failed(base, performance.now());
      this.retry = window.setTimeout(() => void this.join(), ASK_AGAIN_MS * (1 + Math.random()));
      return;
    }
    if (this.state.value === "disabled") return;
    const token = this.token;
    const events: ConnectionEvents = {
      opened: () => {
        this.log.connected();
        void this.readHistory();
      },
      frame: (frame) => {
        this.take(eventsOf(frame));
      },
      closed: (wasOpen) => {
        this.state.value = "away";
        for (const { key } of this.outbox.empty()) if (key !== undefined) this.sent(key, false);
        // Why a socket is refused no browser tells; the history's answer does.
        if (!wasOpen) void this.readHistory();
      },
    };
    this.connection = new Connection(token, events, edges);
  }

  private async readHistory(): Promise<void> {
    try {
      const history = await get("/api/chat", this.options);
      const events = history.flatMap((message) => eventOf(message) ?? []);
      if (this.log.merge(events, this.me.value?.id)) this.show();
    } catch (error) {
      const isRefused = error instanceof ApiError && error.status === 401;
      if (this.connection?.isOpen) {
        // What was missed is still missing. A token that is not good any more is told by the socket.
        if (!isRefused) this.readHistoryLater();
      } else if (isRefused) this.leave("refused"); // This is who may not come at all.
    }
  }

  private readHistoryLater(): void {
    window.clearTimeout(this.rereading);
    this.rereading = window.setTimeout(
      () => {
        if (this.connection?.isOpen) void this.readHistory();
      },
      READ_AGAIN_MS * (1 + Math.random()),
    );
  }

  private take(events: readonly ChatEvent[]): void {
    const isChanged = batch(() => events.map((event) => this.takeOne(event)).some(Boolean));
    if (isChanged) this.showSoon();
  }

  /** Whether the lines changed. */
  private takeOne(event: ChatEvent): boolean {
    if (event.kind === "me") {
      this.me.value = event.user;
      this.state.value = "open";
    } else if (event.kind === "removed") {
      this.leave("removed");
    } else if (event.kind === "unknown-token") {
      this.beginAnew();
    } else {
      const refusal = event.kind === "action" ? refusalOf(event.html) : undefined;
      if (refusal !== undefined) return this.refuse(refusal);
      if (event.kind === "renamed" && event.user.id === this.me.value?.id) this.me.value = event.user;
      const isNew = this.log.take(event, this.me.value?.id);
      if (isNew && event.kind === "message") this.heed(event);
      return isNew;
    }
    return false;
  }

  /** The server did not take a line, and perhaps takes none for a while. */
  private refuse(refusal: Refusal): boolean {
    this.refusal.value = refusal;
    for (const { key } of this.outbox.empty()) if (key !== undefined) this.sent(key, false);
    if (refusal === "flooding") {
      window.clearTimeout(this.muting);
      this.muting = window.setTimeout(() => {
        this.refusal.value = undefined;
      }, MUTED_MS);
    }
    return this.log.failAll();
  }

  private heed({ user, html }: Extract<ChatEvent, { kind: "message" }>): void {
    const me = this.me.value;
    if (me === undefined || user.id === me.id || !mayMention(html, me.name)) return;
    const words = wordsOf(html);
    if (mentions(words, me.name)) mentioned(user.name, words);
  }

  /** Nobody knows the token, of another server perhaps: a new one is asked for. */
  private beginAnew(): void {
    this.connection?.close();
    this.connection = undefined;
    forgetToken();
    void this.join();
  }

  private showSoon(): void {
    this.gathering ??= window.setTimeout(() => {
      this.show();
    }, GATHER_MS);
  }

  private show(): void {
    window.clearTimeout(this.gathering);
    this.gathering = undefined;
    this.lines.value = this.log.lines;
    if (this.unconfirmed.size > 0) this.stopWaiting();
  }

  /** Lines that were confirmed meanwhile are not waited for any more. */
  private stopWaiting(): void {
    const sending = new Set(this.log.lines.filter(({ state }) => state === "sending").map(({ key }) => key));
    for (const [key, timer] of this.unconfirmed) {
      if (sending.has(key)) continue;
      window.clearTimeout(timer);
      this.unconfirmed.delete(key);
    }
  }
}
