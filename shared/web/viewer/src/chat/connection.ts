/**
 * The chat's socket: opens it, and opens it again with growing pauses for as long as it is wanted, at another edge where the one
 * that it was at is gone or asks to go.
 */
import type { Edges } from "@common/edges";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;
/** A connection that held so long was good: the next pause is short again. */
const GOOD_AFTER_MS = 10_000;
/** An edge that does not take the socket so often is left. */
const TRIES_AT_AN_EDGE = 2;
/** The edge restarts or drains (WebSocket close codes of IANA, "service restart"): there is a place at another one. */
const GOES = 1012;

/** The pause before the next try after so many; `random` from 0 to 1 spreads those who lost an edge together. */
export function pauseMs(tries: number, random: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries, 10), LONGEST_PAUSE_MS) * (0.5 + random * 0.5);
}

/** Callbacks by which a connection tells that it opened, that a frame of text came, and that it ended. */
export interface ConnectionEvents {
  opened: () => void;
  frame: (text: string) => void;
  /** It ended; `wasOpen` is false where it was never there. */
  closed: (wasOpen: boolean) => void;
}

/**
 * A connection to the chat by an access token, from its making until `close`; never more than one socket at a time is
 * heard.
 */
export class Connection {
  private socket: WebSocket | undefined;
  /** The socket ended, or is taken to have. */
  private ended: ((code?: number) => void) | undefined;
  private timer: number | undefined;
  private tries = 0;
  /** Tries at this edge since a socket was open there. */
  private failures = 0;
  private isWanted = true;
  private at: string;
  /** Where the page was when the edge was last chosen. */
  private pageAt: string;

  constructor(
    private readonly token: string,
    private readonly events: ConnectionEvents,
    private readonly edges: Pick<Edges, "current" | "failed">,
  ) {
    this.at = this.pageAt = edges.current.value;
    this.open();
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** What comes before the paths of the edge that the socket is at, or is tried at. */
  get base(): string {
    return this.at;
  }

  /** Sends; false while there is no connection. */
  send(message: unknown): boolean {
    if (!this.isOpen) return false;
    this.socket?.send(JSON.stringify(message));
    return true;
  }

  /** The network, or the edge that serves the page, is there again: no reason to sit out a pause, or to look elsewhere. */
  wake(): void {
    if (!this.isWanted || this.socket !== undefined) return;
    this.go(this.edges.current.value);
    this.reopen();
  }

  /**
   * The device has no network any more. A socket may not notice for minutes, so it is given up: nothing that still comes by it
   * is heard, and another one is tried for at once.
   */
  lose(): void {
    this.socket?.close();
    this.ended?.();
  }

  close(): void {
    this.isWanted = false;
    window.clearTimeout(this.timer);
    this.socket?.close();
  }

  private open(): void {
    window.clearTimeout(this.timer);
    const url = new URL(`${this.at}/ws`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("accessToken", this.token);
    const socket = new WebSocket(url);
    this.socket = socket;
    let openedAt: number | undefined;
    socket.addEventListener("open", () => {
      if (this.socket !== socket) return;
      openedAt = performance.now();
      this.failures = 0;
      this.events.opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string" && this.isWanted && this.socket === socket) this.events.frame(data);
    });
    const ended = (code?: number): void => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (!this.isWanted) return;
      this.events.closed(openedAt !== undefined);
      const wasGood = openedAt !== undefined && performance.now() - openedAt > GOOD_AFTER_MS;
      this.tries = wasGood ? 0 : this.tries + 1;
      this.choose(openedAt !== undefined, code);
      this.timer = window.setTimeout(
        () => {
          this.reopen();
        },
        pauseMs(this.tries, Math.random()),
      );
    };
    this.ended = ended;
    socket.addEventListener("close", ({ code }) => {
      ended(code);
    });
  }

  /** After a socket ended: whether its edge is to be left for another one. */
  private choose(wasOpen: boolean, code: number | undefined): void {
    // Without a network of one's own no edge answers.
    if (!navigator.onLine) return;
    if (!wasOpen) this.failures += 1;
    if (code === GOES || this.failures >= TRIES_AT_AN_EDGE)
      this.go(this.edges.failed(this.at, performance.now()));
  }

  /** At the edge that plays, which is known to be there, if the page went on at another one meanwhile. */
  private reopen(): void {
    const now = this.edges.current.value;
    if (now !== this.pageAt) this.go(now);
    this.pageAt = now;
    this.open();
  }

  private go(base: string): void {
    if (base === this.at) return;
    this.at = base;
    this.failures = 0;
    // It is no worse than any edge at the first try.
    this.tries = 0;
  }
}
