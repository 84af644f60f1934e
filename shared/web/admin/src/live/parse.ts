/** Server-sent events, out of text that comes in pieces of any length. Pure. */

/** An event of the stream: its name, `message` where it has none, and its data, several lines joined by line feeds. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** Longest text without the end of an event: far above anything that the server sends. */
const MAX_PENDING = 8 * 1024 * 1024;

/**
 * Takes the stream's text piece by piece and gives the events in it. At most `MAX_PENDING` characters wait for their
 * end.
 */
export class EventParser {
  private pending = "";
  /** The `id` that was told last, to go on from. */
  lastId = "";

  /** The events that end in this piece; throws where there is no end in sight. */
  push(piece: string): ServerEvent[] {
    this.pending += piece;
    const blocks = this.pending.split("\n\n");
    this.pending = blocks.pop() ?? "";
    if (this.pending.length > MAX_PENDING) throw new Error("an event has no end");
    return blocks.flatMap((block) => this.event(block));
  }

  private event(block: string): ServerEvent[] {
    let name = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      // A comment begins with the colon: it has no field.
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
      if (field === "event") name = value;
      if (field === "data") data.push(value);
      if (field === "id") this.lastId = value;
    }
    return data.length === 0 ? [] : [{ name, data: data.join("\n") }];
  }
}
