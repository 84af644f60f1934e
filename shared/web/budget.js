// What pages load, against what is allowed: npm run budget, after npm run build. Sizes are of all scripts of an application, also
// of those that come only when they are needed: the viewer page's by brotli, as browsers get it, the admin page's by gzip.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const BUDGETS = [
  { app: "viewer", ending: ".js.br", ownBytes: 90_000, allBytes: 250_000 },
  { app: "admin", ending: ".js.gz", ownBytes: 120_000, allBytes: 360_000 },
];
const HLS = /^hls[.-]/u;

const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const sum = (list) => list.reduce((total, { bytes }) => total + bytes, 0);

for (const { app, ending, ownBytes, allBytes } of BUDGETS) {
  const folder = join(import.meta.dirname, "dist", app, "assets");
  const scripts = (await readdir(folder)).filter((name) => name.endsWith(ending));
  const sizes = await Promise.all(
    scripts.map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })),
  );
  const own = sum(sizes.filter(({ name }) => !HLS.test(name)));
  const all = sum(sizes);
  process.stdout.write(
    `${app}: own scripts ${kilo(own)} of ${kilo(ownBytes)}; with hls.js ${kilo(all)} of ${kilo(allBytes)}\n`,
  );
  if (scripts.length === 0 || own > ownBytes || all > allBytes) {
    process.stderr.write(
      scripts.length === 0 ? `${app}: nothing was built\n` : `${app}: more than is allowed\n`,
    );
    process.exitCode = 1;
  }
}
