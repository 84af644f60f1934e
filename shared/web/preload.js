/**
 * Lets browsers load what a page's scripts import as soon as they run (`import()`) while these scripts are still on their way:
 * hls.js, without which nothing plays, comes by itself so that the page need not wait for it, but no later than it can.
 *
 * @param {string} base the path below which the application is served
 * @returns {import("vite").Plugin}
 */
export function preloadImported(base) {
  return {
    name: "farcast-preload-imported",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle, chunk }) => {
        const files = new Set();
        const seen = new Set();
        const look = (name) => {
          const found = bundle?.[name];
          if (seen.has(name) || found?.type !== "chunk") return;
          seen.add(name);
          for (const imported of found.dynamicImports) files.add(imported);
          found.imports.forEach(look);
        };
        if (chunk !== undefined) look(chunk.fileName);
        return [...files].map((file) => ({
          tag: "link",
          // Behind what the page is drawn by.
          attrs: { rel: "modulepreload", crossorigin: true, fetchpriority: "low", href: base + file },
          injectTo: "head",
        }));
      },
    },
  };
}
