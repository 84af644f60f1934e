// One row of the table: publishes a source, looks at it, ends it.

import { KEY, until } from '../browser/stage.js';
import { withPlayer } from './judge/page.js';
import { media, multivariant } from './judge/playlists.js';
import { probe } from './judge/probe.js';
import { strict } from './judge/strict.js';
import { expectation, judge, look } from './judge/verdict.js';
import { complete, make } from './media.js';
import { Publisher } from './rtmp/publisher.js';

const START_MS = 12_000;
/** So many segments there are before anybody looks. */
const SEGMENTS = 1;
const END_MS = 12_000;
const STRICT_S = 5;
/** After a change, until its media are what viewers see. */
const CHANGED_S = 5;

export class Row {
  #source;
  #place;

  /** `place`: `{ stage, edge, browser }`. */
  constructor(source, place) {
    this.#source = source;
    this.#place = place;
  }

  /** Runs the row: `{ name, about, expected, facts, failures }`. What goes wrong with the row itself is a failure, too. */
  async run() {
    const { name, about } = this.#source;
    try {
      return { name, about, ...(await this.#judged()) };
    } catch (error) {
      return { name, about, expected: {}, facts: nothing(), failures: [`row: ${error.message}`] };
    }
  }

  async #judged() {
    const { media: spec, change, expect } = this.#source;
    const whole = complete(spec);
    const expected = { ...expectation(whole, expect) };
    if (expect?.either !== undefined) {
      expected.either = expect.either.map((one) => expectation(whole, one));
    }
    const tags = await this.#tags();
    const last = change === undefined ? expected : expectation(whole, { ...expect, ...change.expect });
    const facts = await this.#broadcast(tags, expected, last);
    const failures = judge(facts, last);
    if (facts.before !== undefined) {
      failures.push(...look(facts.before, expected).map((text) => `Chromium before the change: ${text}`));
    }
    return { expected: last, facts, ...this.#controlled([...new Set(failures)]) };
  }

  /** A control is as expected when it fails as it should; what was found is kept. */
  #controlled(failures) {
    const { control } = this.#source;
    if (control === undefined) {
      return { failures };
    }
    const found = failures.join('; ');
    return { found, failures: control.test(found) ? [] : [`control: nothing like ${control} in: ${found}`] };
  }

  async #tags() {
    const { media: spec, other, rewrite = (tags) => tags } = this.#source;
    const second = other === undefined ? undefined : await make(other);
    return rewrite(await make(spec), second);
  }

  async #broadcast(tags, expected, last) {
    const { stage } = this.#place;
    const began = new Date().toISOString();
    const before = (await media(this.#place.edge, 0))?.next ?? 0;
    const publisher = new Publisher();
    const [host, port] = stage.rtmp.split(':');
    const { address = (name) => ({ name }) } = this.#source;
    const asked = { app: 'live', ...address(KEY) };
    const letIn = await publisher.open(host, Number(port), {
      tcUrl: `rtmp://${stage.rtmp}/${asked.app}`,
      ...asked,
    });
    const playing = letIn ? publisher.play(tags) : Promise.resolve();
    const facts = nothing();
    try {
      facts.onAir = letIn && (await this.#onAir(before, publisher));
      if (facts.onAir && this.#source.expect?.refused === undefined) {
        await this.#look(facts, expected, last);
      } else if (!facts.onAir) {
        facts.publisher.push(letIn ? 'no segment came of it' : 'not let in');
      }
      if (publisher.closed !== undefined) {
        facts.publisher.push(publisher.closed);
      }
    } finally {
      await publisher.stop();
      await playing;
    }
    await this.#ended();
    facts.told = publisher.said.map(({ level, code, description }) => ({ level, code, description }));
    facts.warnings = await warnings(stage, began);
    facts.said = [...facts.told.map(({ code, description }) => `${code}: ${description}`), ...facts.warnings];
    return facts;
  }

  /** Whether there are segments of this broadcast in time. */
  #onAir(before, publisher) {
    const patience = START_MS + (this.#source.patience ?? 0) * 1000;
    const look = async () => {
      const playlist = await media(this.#place.edge, 0);
      const fresh = playlist?.segments.filter(({ msn }) => msn >= before) ?? [];
      return publisher.closed !== undefined ? 'closed' : !playlist?.ended && fresh.length >= SEGMENTS && 'on air';
    };
    return until('segments', look, patience).then(
      (found) => found === 'on air',
      () => false,
    );
  }

  async #look(facts, expected, last) {
    const { edge, browser } = this.#place;
    const { change, seconds = 0 } = this.#source;
    const began = performance.now();
    const watched = strict(edge, 2, change === undefined ? STRICT_S : change.seconds + 2);
    await withPlayer(browser, edge, async (player) => {
      facts.plays = await player.plays();
      if (!facts.plays) {
        facts.errors = await player.errors();
        return;
      }
      if (change !== undefined) {
        facts.before = await player.look(expected);
        await pause(began + (change.seconds - 4 + CHANGED_S) * 1000 - performance.now());
      }
      facts.levels = await player.levels(last);
      if (change !== undefined) {
        // The page has read the multivariant playlist before the change.
        facts.levels = facts.levels.map((level) => ({ ...level, said: null }));
      }
      facts.first = facts.levels[0] ?? (await player.look(last));
      await pause(began + (seconds - 4) * 1000 - performance.now());
      facts.errors = await player.errors();
    });
    facts.strict = await watched;
    const list = await multivariant(edge);
    facts.independent = list?.independent ?? false;
    for (const number of [0, 1]) {
      const variant = list?.variants.find(({ uri }) => uri.startsWith(`${number}/`));
      facts.variants.push({ number, attributes: variant?.attributes, ...(await probe(edge, number)) });
    }
  }

  /** Waits until the broadcast has ended at the edge, so that the next row begins anew. */
  async #ended() {
    const over = async () => {
      const playlist = await media(this.#place.edge, 0);
      return playlist === undefined || playlist.ended;
    };
    await until('the end of the broadcast', over, END_MS);
  }
}

/** What is seen before anybody looks. */
function nothing() {
  return { publisher: [], plays: false, levels: [], errors: [], variants: [], strict: [], said: [] };
}

async function warnings(stage, since) {
  const authorization = `Basic ${Buffer.from(`admin:${KEY}`).toString('base64')}`;
  const answer = await fetch(`${stage.origin}/api/admin/logs/warnings`, { headers: { authorization } });
  const entries = await answer.json();
  return entries.filter(({ time }) => time >= since).map(({ message }) => message);
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, Math.max(0, ms)));
}
