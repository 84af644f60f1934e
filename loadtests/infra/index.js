/**
 * `make lint-infra`: whether the files of infra agree with the programs that they start, as `--help` describes them, and with
 * each other. It starts nothing but the two programs' help.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { judge } from './judge.js';
import { program } from './program.js';

const ROOT = new URL('../..', import.meta.url).pathname;
const BIN = process.env.FARCAST_BIN_DIR ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug');
const READ = /^infra\/.*(?:\.(?:ya?ml|toml|service)|\/Dockerfile)$|^(?:Cargo|rust-toolchain)\.toml$/u;

const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' });
const paths = listed.split('\n').filter((file) => READ.test(file) && existsSync(join(ROOT, file)));
const files = new Map(paths.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));

const programs = new Map(
  ['origin', 'edge'].map((image) => {
    const name = `farcast-${image}`;
    return [image, program(name, execFileSync(join(BIN, name), ['--help'], { encoding: 'utf8' }))];
  }),
);

const faults = judge(files, programs);
console.log(`${files.size} files of infra, ${faults.length} faults`);
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exitCode = 1;
}
