// What viewers load, against what is allowed: npm run budget, after npm run build. Sizes are those of brotli, as browsers get it,
// and of all scripts of the application, also of those that come only when they are needed.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const ASSETS = join(import.meta.dirname, "dist/viewer/assets");
const OWN_BYTES = 90_000;
const ALL_BYTES = 250_000;
const HLS = /^hls[.-]/u;

const scripts = (await readdir(ASSETS)).filter((name) => name.endsWith(".js.br"));
const sizes = await Promise.all(
  scripts.map(async (name) => ({ name, bytes: (await stat(join(ASSETS, name))).size })),
);
const sum = (list) => list.reduce((total, { bytes }) => total + bytes, 0);
const own = sum(sizes.filter(({ name }) => !HLS.test(name)));
const all = sum(sizes);

const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
process.stdout.write(
  `own scripts: ${kilo(own)} of ${kilo(OWN_BYTES)}; with hls.js: ${kilo(all)} of ${kilo(ALL_BYTES)}\n`,
);
if (scripts.length === 0 || own > OWN_BYTES || all > ALL_BYTES) {
  process.stderr.write(scripts.length === 0 ? "nothing was built\n" : "more than is allowed\n");
  process.exitCode = 1;
}
