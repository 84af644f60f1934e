// How one application is built or, by `npm run dev`, served for who changes it: APP names it (see apps.js), EDGE is where a
// running edge answers what pages ask. Nothing is inlined, so that a policy without inline scripts and styles holds.
import { resolve } from "node:path";

import { defineConfig } from "vitest/config";

import { APPS } from "./apps.js";
import { preloadImported } from "./preload.js";

const name = (process.env["APP"] ?? "viewer") as keyof typeof APPS;
const edge = process.env["EDGE"] ?? "http://127.0.0.1:8080";
const root = resolve(import.meta.dirname, name);
const { base, pages } = APPS[name];
const asked = [
  "/api",
  "/hls",
  "/img",
  "/logo",
  "/thumbnail.jpg",
  "/preview.gif",
  "/favicon.ico",
  "/customjavascript",
];

export default defineConfig({
  root,
  base,
  plugins: name === "viewer" ? [preloadImported(base)] : [],
  resolve: {
    alias: {
      "@common": resolve(import.meta.dirname, "common"),
      "@player": resolve(import.meta.dirname, "player/src"),
    },
  },
  build: {
    outDir: resolve(import.meta.dirname, "dist", name),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js alone is about 600 kB before it is compressed.
    chunkSizeWarningLimit: 800,
    target: "es2022",
    cssTarget: ["chrome111", "firefox113", "safari16.4"],
    rolldownOptions: { input: pages.map((page) => resolve(root, page)) },
  },
  server: {
    proxy: { ...Object.fromEntries(asked.map((path) => [path, edge])), "/ws": { target: edge, ws: true } },
  },
  test: {
    root: import.meta.dirname,
    environment: "node",
    // All are quick; a machine that does other things as well may not be.
    testTimeout: 60_000,
    include: ["{common,player,viewer,admin}/**/*.test.{ts,tsx}"],
  },
});
