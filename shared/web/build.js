// Builds all applications, or those that are named: npm run build [-- NAME…]. Beside each file that gains by it lies the same
// compressed by brotli and by gzip, as hard as they can: the programs hand those out as they are.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { build } from "vite";

import { APPS } from "./apps.js";

const TEXT = /\.(?:html|js|css|svg|json|webmanifest|txt)$/u;
/** A compressed form that saves less is not worth its place in a program. */
const WORTH = 0.9;

async function compress(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !TEXT.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
    const forms = {
      br: await promisify(brotliCompress)(bytes, quality),
      gz: await promisify(gzip)(bytes, { level: 9 }),
    };
    for (const [ending, form] of Object.entries(forms)) {
      if (form.length < bytes.length * WORTH) await writeFile(`${path}.${ending}`, form);
    }
  }
}

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(APPS)) {
  process.env.APP = name;
  await build();
  await compress(join(import.meta.dirname, "dist", name));
}
