// With hls.js itself and servers that the test plays.
import Hls from "hls.js";
import type { HlsConfig, LoaderCallbacks, LoaderContext } from "hls.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { hlsConfig } from "./hls-config";
import { Steering } from "./steering";

const A = "http://a.example.org";
const B = "http://b.example.org:8080";
const C = "http://c.example.org:8080";

const multivariant = (steering: string): string => `#EXTM3U
${steering}
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=320x180,PATHWAY-ID="a",STABLE-VARIANT-ID="1"
1/stream.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=640x360,PATHWAY-ID="a",STABLE-VARIANT-ID="0"
0/stream.m3u8
`;
const STEERED = '#EXT-X-CONTENT-STEERING:SERVER-URI="/hls/steering.json",PATHWAY-ID="a"';
const MEDIA = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0
#EXT-X-PART-INF:PART-TARGET=0.33
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4,
7.m4s
#EXT-X-PART:DURATION=0.33,URI="8.0.m4s",INDEPENDENT=YES
`;
const manifest = (priority: readonly string[]) => ({
  VERSION: 1,
  TTL: 10,
  "PATHWAY-PRIORITY": priority,
  "PATHWAY-CLONES": [
    ["b", B],
    ["c", C],
  ].map(([id, origin]) => ({
    "BASE-ID": "a",
    ID: id,
    "URI-REPLACEMENT": {
      "PER-VARIANT-URIS": { 0: `${origin}/hls/0/stream.m3u8`, 1: `${origin}/hls/1/stream.m3u8` },
    },
  })),
});

interface Asked {
  readonly url: URL;
  readonly context: LoaderContext;
  readonly callbacks: LoaderCallbacks<LoaderContext>;
  isGone: boolean;
}

let asked: Asked[] = [];
let hls: Hls;
let steering: Steering;
let isOnline = true;
let left: string[] = [];
let nowMs = 0;

class Network {
  context: LoaderContext | null = null;
  readonly stats = {
    loading: { start: 0, first: 0, end: 0 },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
    loaded: 0,
    total: 0,
  };
  private request: Asked | undefined;

  load(context: LoaderContext, _: unknown, callbacks: LoaderCallbacks<LoaderContext>): void {
    this.context = context;
    this.request = { url: new URL(context.url), context, callbacks, isGone: false };
    asked.push(this.request);
  }

  abort(): void {
    if (this.request !== undefined) this.request.isGone = true;
  }

  destroy(): void {
    this.abort();
  }
}

const stats = () => new Network().stats as never;

/** The newest request that waits for an answer, of a path's end. */
function waiting(ending: string): Asked {
  const found = asked.findLast(({ url, isGone }) => !isGone && url.pathname.endsWith(ending));
  if (found === undefined) throw new Error(`nothing waits for ${ending}`);
  return found;
}

function answer(one: Asked, data: string | object): void {
  one.isGone = true;
  one.callbacks.onSuccess({ url: one.url.href, data: data, code: 200 }, stats(), one.context, null);
}

function fail(one: Asked, code: number): void {
  one.isGone = true;
  one.callbacks.onError({ code, text: "" }, one.context, null, stats());
}

function play(tag = STEERED): void {
  steering = new Steering({
    measured: () => "a:12,b:9",
    nowMs: () => nowMs,
    isOnline: () => isOnline,
    gone: (origin) => left.push(origin),
  });
  const loader = Network as unknown as HlsConfig["loader"];
  hls = new Hls({ ...hlsConfig("worker.js", undefined, steering), loader, enableWorker: false });
  hls.loadSource(`${A}/hls/stream.m3u8`);
  answer(waiting("/hls/stream.m3u8"), multivariant(tag));
}

/** It plays at a, and knows the others. */
function settle(): void {
  play();
  answer(waiting("steering.json"), manifest(["a", "b", "c"]));
  answer(waiting("/stream.m3u8"), MEDIA);
}

const newest = (): string => `${waiting("/stream.m3u8").url.origin}${waiting("/stream.m3u8").url.pathname}`;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("self", globalThis);
  vi.stubGlobal("location", { href: `${A}/` });
  vi.stubGlobal("navigator", { onLine: true });
  [asked, left, isOnline, nowMs] = [[], [], true, 0];
});

afterEach(() => {
  hls.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what is overridden exists in this hls.js", () => {
  settle();
  const { prototype } = Hls.DefaultConfig.contentSteeringController as unknown as { prototype: object };
  for (const name of ["onError", "updatePathwayPriority", "loadSteeringManifest", "getLevelsForPathway"]) {
    expect(prototype, name).toHaveProperty(name);
  }
  expect([steering.edge, steering.next]).toEqual([A, B]);
});

test("an edge that refuses the connection is left at once, in the same quality", () => {
  settle();
  const [before] = [new URL(newest()).pathname];
  fail(waiting("/stream.m3u8"), 0);
  // No timer has run.
  expect(newest()).toBe(`${B}${before}`);
  expect(steering.edge).toBe(B);
  answer(waiting("/stream.m3u8"), MEDIA);
  expect(newest()).toBe(`${B}${before}`);
});

test("from one dead edge to the next, and when all are dead it goes on trying", () => {
  settle();
  for (const there of [B, C]) {
    fail(waiting("/stream.m3u8"), 0);
    expect(new URL(newest()).origin).toBe(there);
  }
  expect(left).toEqual([A, B]);
  const fatal: boolean[] = [];
  hls.on(Hls.Events.ERROR, (_, data) => fatal.push(data.fatal));
  fail(waiting("/stream.m3u8"), 0);
  expect(fatal).toEqual([false]);
  vi.advanceTimersByTime(2_000);
  expect(new URL(newest()).origin).toBe(C);
  // Later the first may be back.
  nowMs = 10_000;
  fail(waiting("/stream.m3u8"), 0);
  expect(new URL(newest()).origin).toBe(A);
});

test("a broadcaster who pauses moves nobody", () => {
  settle();
  fail(waiting("/stream.m3u8"), 503);
  vi.advanceTimersByTime(2_000);
  expect(new Set(asked.map(({ url }) => url.origin))).toEqual(new Set([A]));
});

test("a device without a network stays", () => {
  settle();
  isOnline = false;
  fail(waiting("/stream.m3u8"), 0);
  vi.advanceTimersByTime(2_000);
  expect(steering.edge).toBe(A);
});

test("the next manifest comes from the edge of now, and is not believed where it names the dead one first", () => {
  settle();
  fail(waiting("/stream.m3u8"), 0);
  answer(waiting("/stream.m3u8"), MEDIA);
  Object.assign(hls, { _media: { ended: false } });
  vi.advanceTimersByTime(10_000);
  nowMs = 10_000;
  const { url } = waiting("steering.json");
  expect([url.origin, url.searchParams.get("base"), url.searchParams.get("at")]).toEqual([B, "a", A]);
  expect([url.searchParams.get("measured"), url.searchParams.get("_HLS_pathway")]).toEqual(["a:12,b:9", "b"]);
  answer(waiting("steering.json"), manifest(["a", "b", "c"]));
  expect(steering.edge).toBe(B);
  vi.advanceTimersByTime(30_000);
  nowMs = 40_000;
  answer(waiting("steering.json"), manifest(["a", "b", "c"]));
  expect(steering.edge).toBe(A);
});

test("the server moves a player without an error", () => {
  play();
  answer(waiting("/stream.m3u8"), MEDIA);
  const [before] = [new URL(newest()).pathname];
  answer(waiting("steering.json"), manifest(["c", "a"]));
  expect(newest()).toBe(`${C}${before}`);
  expect(left).toEqual([]);
});

test("without content steering all is as it was", () => {
  play("");
  expect(asked.some(({ url }) => url.pathname.endsWith("steering.json"))).toBe(false);
  expect([steering.next, steering.leave()]).toEqual([undefined, false]);
  fail(waiting("/stream.m3u8"), 0);
  vi.advanceTimersByTime(500);
  expect(new URL(newest()).origin).toBe(A);
});
