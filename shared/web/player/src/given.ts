/**
 * hls.js's loader of playlists that has the multivariant playlist already: the probe read it a moment ago, and on a distant
 * network a viewer need not wait for it twice. Everything else, and that playlist another time, is asked for as usual.
 */
import Hls from "hls.js";
import type { PlaylistLoaderConstructor } from "hls.js";

type Loader = InstanceType<PlaylistLoaderConstructor>;

/** hls.js names what is loaded, but exports no value for it. */
const MULTIVARIANT = "manifest";

/**
 * A class of loaders, made of `Base`, that answers the first request for the multivariant playlist with the given
 * text at once.
 */
export function loaderWith(
  multivariant: string,
  Base = Hls.DefaultConfig.loader as unknown as PlaylistLoaderConstructor,
): PlaylistLoaderConstructor {
  let given: string | undefined = multivariant;
  return class extends Base {
    override load(...[context, config, callbacks]: Parameters<Loader["load"]>): void {
      const data = given;
      if (data === undefined || (context.type as string) !== MULTIVARIANT) {
        super.load(context, config, callbacks);
        return;
      }
      given = undefined;
      this.context = context;
      const now = performance.now();
      const { stats } = this;
      stats.loading = { start: now, first: now, end: now };
      stats.loaded = stats.total = data.length;
      queueMicrotask(() => {
        // Who destroyed the loader meanwhile is told nothing.
        if (this.context === context)
          callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
      });
    }
  };
}
