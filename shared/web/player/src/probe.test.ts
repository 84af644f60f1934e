import { describe, expect, test } from "vitest";

import { firstVariant, fromStatus, hasEnded, probe, refused } from "./probe";

const MULTIVARIANT = `#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720

# a comment
0/stream.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000
1/stream.m3u8
`;

describe("a probe", () => {
  /** An edge that serves these paths below /hls/; a number is a status. */
  function edge(files: Record<string, string | number>) {
    return (url: string): Promise<Response> => {
      const file = files[url.replace("http://edge/hls/", "")] ?? 404;
      return Promise.resolve(
        typeof file === "number" ? new Response("", { status: file }) : new Response(file),
      );
    };
  }
  const ask = (files: Record<string, string | number>) =>
    probe("http://edge/hls/stream.m3u8", new AbortController().signal, edge(files));
  const result = async (files: Record<string, string | number>) => (await ask(files)).result;

  test("finds a running broadcast", async () => {
    const files = { "stream.m3u8": MULTIVARIANT, "0/stream.m3u8": "#EXTM3U\n#EXTINF:4,\na.m4s\n" };
    expect(await ask(files)).toEqual({ result: "live", multivariant: MULTIVARIANT });
  });

  test("tells a finished broadcast from a running one", async () => {
    const files = {
      "stream.m3u8": MULTIVARIANT,
      "0/stream.m3u8": "#EXTM3U\n#EXTINF:4,\na.m4s\n#EXT-X-ENDLIST\n",
    };
    expect(await ask(files)).toEqual({ result: "ended" });
  });

  test("tells no broadcast from an edge in trouble", async () => {
    expect(await result({})).toBe("absent");
    expect(await result({ "stream.m3u8": 503 })).toBe("unreachable");
    expect(await result({ "stream.m3u8": MULTIVARIANT, "0/stream.m3u8": 503 })).toBe("unreachable");
    const refused = probe("http://edge/", new AbortController().signal, () =>
      Promise.reject(new TypeError("connection refused")),
    );
    expect((await refused).result).toBe("unreachable");
  });

  test("takes other texts for no broadcast", async () => {
    expect(await result({ "stream.m3u8": "<html>" })).toBe("absent");
    expect(await result({ "stream.m3u8": "#EXTM3U\n" })).toBe("absent");
  });
});

test("the first variant is the first address after its tag, with either line end", () => {
  expect(firstVariant(MULTIVARIANT)).toBe("0/stream.m3u8");
  expect(firstVariant(MULTIVARIANT.replaceAll("\n", "\r\n"))).toBe("0/stream.m3u8");
  expect(firstVariant("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n")).toBeUndefined();
});

test("only a line of its own ends a playlist", () => {
  expect(hasEnded("#EXTM3U\r\n#EXT-X-ENDLIST\r\n")).toBe(true);
  expect(hasEnded("#EXTM3U\nx#EXT-X-ENDLIST\n#EXT-X-ENDLISTS")).toBe(false);
});

test("an edge without room is told from one in trouble, and says when to ask again", () => {
  const answer = (status: number, headers: Record<string, string>) =>
    refused({ status, headers: new Headers(headers) });
  expect(answer(503, { "Farcast-Full": "1", "Retry-After": "7" })).toEqual({
    result: "full",
    retryAfterMs: 7_000,
  });
  for (const after of ["", "0", "-3", "soon"]) {
    expect(answer(503, { "Farcast-Full": "1", "Retry-After": after }), after).toEqual({ result: "full" });
  }
  expect(answer(503, { "Retry-After": "7" })).toEqual({ result: "unreachable" });
  expect(answer(404, { "Farcast-Full": "1" })).toEqual({ result: "absent" });
});

test("gone is absent, a refusal is one, failures say nothing", () => {
  expect([404, 410].map(fromStatus)).toEqual(["absent", "absent"]);
  expect([401, 403].map(fromStatus)).toEqual(["forbidden", "forbidden"]);
  expect([400, 429, 500, 502, 503].map(fromStatus)).toEqual(Array(5).fill("unreachable"));
});
