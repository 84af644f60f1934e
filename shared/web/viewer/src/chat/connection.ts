/** The chat's socket: opens it, and opens it again with growing pauses for as long as it is wanted. */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;
/** A connection that held so long was good: the next pause is short again. */
const GOOD_AFTER_MS = 10_000;

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
  private ended: (() => void) | undefined;
  private timer: number | undefined;
  private tries = 0;
  private isWanted = true;

  constructor(
    private readonly token: string,
    private readonly events: ConnectionEvents,
  ) {
    this.open();
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Sends; false while there is no connection. */
  send(message: unknown): boolean {
    if (!this.isOpen) return false;
    this.socket?.send(JSON.stringify(message));
    return true;
  }

  /** The network came back: no reason to sit out a pause. */
  wake(): void {
    if (this.isWanted && this.socket === undefined) this.open();
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
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("accessToken", this.token);
    const socket = new WebSocket(url);
    this.socket = socket;
    let openedAt: number | undefined;
    socket.addEventListener("open", () => {
      if (this.socket !== socket) return;
      openedAt = performance.now();
      this.events.opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string" && this.isWanted && this.socket === socket) this.events.frame(data);
    });
    const ended = (): void => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (!this.isWanted) return;
      this.events.closed(openedAt !== undefined);
      const wasGood = openedAt !== undefined && performance.now() - openedAt > GOOD_AFTER_MS;
      this.tries = wasGood ? 0 : this.tries + 1;
      this.timer = window.setTimeout(
        () => {
          this.open();
        },
        pauseMs(this.tries, Math.random()),
      );
    };
    this.ended = ended;
    socket.addEventListener("close", ended);
  }
}
