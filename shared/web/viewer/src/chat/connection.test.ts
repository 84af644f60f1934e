import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Edges, readEdges } from "@common/edges";

import { Connection, pauseMs } from "./connection";

const PAGE = "https://fra.example.org";
const PARIS = "https://paris.example.org";
const OSLO = "https://oslo.example.org";

/** A socket whose fate the test decides. */
class Socket extends EventTarget {
  static readonly OPEN = 1;
  static made: Socket[] = [];
  readyState = 0;
  readonly url: string;

  constructor(url: URL) {
    super();
    this.url = url.href;
    Socket.made.push(this);
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  close(code = 1006): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

const device = { onLine: true };
let edges: Edges;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("location", { href: `${PAGE}/` });
  vi.stubGlobal("navigator", device);
  device.onLine = true;
  Socket.made = [];
  edges = new Edges(PAGE);
  const others = [PARIS, OSLO].map((url) => ({ id: url, name: "", region: "", url }));
  edges.learn(readEdges({ edge: null, better: null, others }, "", PAGE));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connect(): { connection: Connection; seen: string[] } {
  const seen: string[] = [];
  const events = {
    opened: () => seen.push("opened"),
    frame: (text: string) => seen.push(text),
    closed: (wasOpen: boolean) => seen.push(wasOpen ? "closed" : "refused"),
  };
  return { connection: new Connection("token", events, edges), seen };
}

/** The newest socket, after any pause. */
function newest(): Socket {
  vi.advanceTimersByTime(20_000);
  const socket = Socket.made.at(-1);
  if (socket === undefined) throw new Error("there is no socket");
  return socket;
}

const hosts = () => Socket.made.map(({ url }) => new URL(url).host.split(".")[0]);

test("pauses grow to a bound and are spread", () => {
  expect([0, 1, 2, 20].map((tries) => pauseMs(tries, 1))).toEqual([1_000, 2_000, 4_000, 20_000]);
  expect(pauseMs(20, 0)).toBe(10_000);
});

test("an edge that died is left after two tries, with the same token", () => {
  const { connection, seen } = connect();
  newest().open();
  newest().close();
  newest().close();
  newest().close();
  newest().open();
  expect(hosts()).toEqual(["fra", "fra", "fra", "paris"]);
  expect(newest().url).toBe("wss://paris.example.org/ws?accessToken=token");
  expect(seen).toEqual(["opened", "closed", "refused", "refused", "opened"]);
  expect(connection.base).toBe(PARIS);
});

test("an edge that drains is left at once", () => {
  connect();
  newest().open();
  newest().close(1012);
  newest().open();
  expect(hosts()).toEqual(["fra", "paris"]);
});

test("an edge that drains is left also while media still comes from it, and not gone back to", () => {
  edges.playsAt(PAGE);
  edges.plays(true);
  connect();
  newest().open();
  newest().close(1012);
  newest().open();
  newest().close();
  newest().open();
  expect(hosts()).toEqual(["fra", "paris", "paris"]);
});

test("a socket that ends otherwise is opened at the same edge", () => {
  connect();
  newest().open();
  for (const code of [1000, 1006, 1011]) {
    newest().close(code);
    newest().open();
  }
  expect(hosts()).toEqual(["fra", "fra", "fra", "fra"]);
});

test("where the player went on, the chat goes on", () => {
  connect();
  newest().open();
  edges.playsAt(OSLO);
  edges.plays(true);
  expect(hosts()).toEqual(["fra"]);
  newest().close();
  newest().open();
  expect(hosts()).toEqual(["fra", "oslo"]);
  // It does not come back by itself.
  edges.playsAt(PAGE);
  vi.advanceTimersByTime(600_000);
  expect(hosts()).toEqual(["fra", "oslo"]);
});

test("when all edges are dead they are tried for ever, with pauses, and the chat opens where it can", () => {
  const { connection } = connect();
  for (let tries = 0; tries < 24; tries += 1) newest().close();
  expect(new Set(hosts())).toEqual(new Set(["fra", "paris", "oslo"]));
  newest().open();
  expect(connection.isOpen).toBe(true);
  expect(Socket.made).toHaveLength(25);
});

test("when the page's edge answers again, the chat is there at once, wherever it looked meanwhile", () => {
  edges.playsAt(PAGE);
  edges.plays(true);
  const { connection } = connect();
  for (let tries = 0; tries < 3; tries += 1) newest().close();
  expect(connection.base).not.toBe("");
  connection.wake();
  expect(hosts().at(-1)).toBe("fra");
});

test("a device without a network says nothing about edges", () => {
  const { connection } = connect();
  newest().open();
  device.onLine = false;
  connection.lose();
  for (let tries = 0; tries < 6; tries += 1) newest().close();
  device.onLine = true;
  newest().open();
  expect(new Set(hosts())).toEqual(new Set(["fra"]));
});

test("a connection that was closed opens no more", () => {
  const { connection } = connect();
  newest().open();
  connection.close();
  vi.advanceTimersByTime(600_000);
  expect(Socket.made).toHaveLength(1);
});
