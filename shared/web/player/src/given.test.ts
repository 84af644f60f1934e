import Hls from "hls.js";
import type { PlaylistLoaderConstructor, PlaylistLoaderContext } from "hls.js";
import { expect, test } from "vitest";

import { loaderWith } from "./given";

const Usual = Hls.DefaultConfig.loader as unknown as PlaylistLoaderConstructor;
const asked: string[] = [];

/** As hls.js's own, but for the network. */
class Quiet extends Usual {
  override load(context: PlaylistLoaderContext): void {
    asked.push(context.url);
  }

  override destroy(): void {
    this.context = null;
  }
}

const contextOf = (type: string, url: string) => ({ type, url }) as unknown as PlaylistLoaderContext;

async function load(loader: InstanceType<PlaylistLoaderConstructor>, context: PlaylistLoaderContext) {
  const got: unknown[] = [];
  const callbacks = {
    onSuccess: ({ url, data }: { url: string; data?: unknown }) => got.push([url, data]),
    onError: () => undefined,
    onTimeout: () => undefined,
  };
  loader.load(context, {} as never, callbacks);
  await Promise.resolve();
  return got;
}

test("what was read already is given once, everything else is asked for", async () => {
  const Loader = loaderWith("#EXTM3U", Quiet);
  const make = () => new Loader(Hls.DefaultConfig);
  expect(await load(make(), contextOf("level", "/hls/0/stream.m3u8"))).toEqual([]);
  expect(await load(make(), contextOf("manifest", "/hls/stream.m3u8"))).toEqual([
    ["/hls/stream.m3u8", "#EXTM3U"],
  ]);
  expect(await load(make(), contextOf("manifest", "/hls/stream.m3u8"))).toEqual([]);
  expect(asked).toEqual(["/hls/0/stream.m3u8", "/hls/stream.m3u8"]);
});

test("a loader that was destroyed tells nothing", async () => {
  const Loader = loaderWith("#EXTM3U", Quiet);
  const loader = new Loader(Hls.DefaultConfig);
  const got = load(loader, contextOf("manifest", "/hls/stream.m3u8"));
  loader.destroy();
  expect(await got).toEqual([]);
});
