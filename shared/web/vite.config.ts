// One page a build: dist/player now. A page must work wherever it is mounted (an edge serves it at `/`),
// so all URLs are relative; and under the Content-Security-Policy that README.md states, so nothing is inlined.
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: "player",
  base: "./",
  build: {
    outDir: "../dist/player",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js alone is about 600 kB before gzip; the player is nothing without it.
    chunkSizeWarningLimit: 800,
    target: "es2022",
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
