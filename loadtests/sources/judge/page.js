// The player page in Chromium: what is seen and heard at each quality that the page plays.

import { middles, PATCHES_HEIGHT } from '../picture.js';

const PLAYS_MS = 10_000;
const LEVEL_MS = 8_000;
/** How long is looked at least, and at most while something is missing: after a change of quality pictures can be late. */
const SAMPLE_MS = 1_200;
const SAMPLE_MAX_MS = 4_000;
/** So many places of the bar show that the picture moves. */
export const POSITIONS = 3;
/** Errors of hls.js that are part of following a live playlist, and of being told to change quality. */
const HARMLESS = ['bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole', 'hls.js: aborted'];

/** Opens the page of `edge`, lets `use` look, and closes it. */
export async function withPlayer(browser, edge, use) {
  const context = await browser.newContext({ viewport: { width: 800, height: 600 } });
  try {
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') {
        errors.push(message.text());
      }
    });
    await page.addInitScript(watchPlayer);
    await page.goto(edge);
    return await use(new Player(page, errors));
  } finally {
    await context.close();
  }
}

class Player {
  #page;
  #console;

  constructor(page, errors) {
    this.#page = page;
    this.#console = errors;
  }

  /** Waits until the picture or the sound moves; says whether it does. */
  async plays() {
    return this.#until(() => {
      const { video } = window.farcast;
      return video.currentTime > 0.1 && !video.paused && video.readyState >= 3;
    }, PLAYS_MS);
  }

  /** Looks at each quality in turn. */
  async levels(expected) {
    const count = await this.#page.evaluate(() => window.farcast.hls?.levels.length ?? 0);
    const seen = [];
    for (let level = 0; level < count; level += 1) {
      await this.#page.evaluate((wanted) => {
        window.sources.level = undefined;
        window.sources.movesFrom = undefined;
        window.farcast.hls.currentLevel = wanted;
      }, level);
      const reached = await this.#until(isAt, LEVEL_MS, level);
      seen.push({ ...(await this.look(expected)), reached });
    }
    return seen;
  }

  /** What is seen and heard now. */
  async look({ video, audio }) {
    const wanted = { positions: video === null ? 0 : POSITIONS, sound: audio !== null };
    const options = {
      middles: middles(),
      stripTop: PATCHES_HEIGHT,
      leastMs: SAMPLE_MS,
      mostMs: SAMPLE_MAX_MS,
      wanted,
    };
    return this.#page.evaluate(look, options);
  }

  /** Errors so far, each once. */
  async errors() {
    const inside = await this.#page.evaluate(() => window.sources.errors);
    const known = inside.filter((text) => !HARMLESS.some((name) => text.includes(name)));
    return [...new Set([...this.#console, ...known])];
  }

  async #until(check, limitMs, argument) {
    const waited = this.#page.waitForFunction(check, argument, { timeout: limitMs, polling: 100 });
    return waited.then(
      () => true,
      () => false,
    );
  }
}

// The functions below run inside the page.

/** Whether the quality is played for some tenths of a second, after what was buffered of another. */
function isAt(wanted) {
  const { video } = window.farcast;
  if (window.sources.level !== wanted || video.readyState < 3) {
    window.sources.movesFrom = undefined;
    return false;
  }
  window.sources.movesFrom ??= video.currentTime;
  return Math.abs(video.currentTime - window.sources.movesFrom) > 0.4;
}

/** Notes what the player says, from its first moment. */
function watchPlayer() {
  window.sources = { errors: [], level: undefined };
  const note = (text) => window.sources.errors.push(text);
  const timer = setInterval(() => {
    if (window.farcast?.video === undefined) {
      return;
    }
    const { video, hls } = window.farcast;
    if (!window.sources.bound) {
      window.sources.bound = true;
      video.addEventListener('error', () => note(`media element: ${video.error?.code} ${video.error?.message}`));
    }
    if (video.paused && !video.ended && video.readyState >= 2) {
      video.play().catch(() => {});
    }
    video.muted = false;
    video.volume = 1;
    if (hls !== undefined && window.sources.hls !== hls) {
      window.sources.hls = hls;
      hls.on('hlsError', (_, data) =>
        note(`hls.js: ${data.fatal ? 'fatal ' : ''}${data.details} ${data.error?.message ?? ''}`),
      );
      hls.on('hlsFragChanged', (_, { frag }) => (window.sources.level = frag.level));
    }
  }, 20);
  addEventListener('pagehide', () => clearInterval(timer));
}

async function look({ middles, stripTop, leastMs, mostMs, wanted }) {
  const { video, hls } = window.farcast;
  const tools = (window.sources.tools ??= (() => {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 240;
    const audio = new AudioContext();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 16384;
    analyser.smoothingTimeConstant = 0;
    audio.createMediaElementSource(video).connect(analyser);
    analyser.connect(audio.destination);
    return { canvas, drawing: canvas.getContext('2d', { willReadFrequently: true }), audio, analyser };
  })());
  const { canvas, drawing, audio, analyser } = tools;
  await audio.resume();
  const before = video.currentTime;
  const bars = new Set();
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const began = performance.now();
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  const wave = new Float32Array(analyser.fftSize);
  const elapsed = () => performance.now() - began;
  let rms = 0;
  const level = () => hls?.levels[hls.currentLevel];
  const isOther = () => level()?.height > 0 && Math.abs(level().height - video.videoHeight) > 2;
  const isMissing = () =>
    (video.videoWidth > 0 && (bars.size < wanted.positions || isOther())) || (wanted.sound && rms < 0.02);
  while (elapsed() < leastMs || (isMissing() && elapsed() < mostMs)) {
    await pause(100);
    if (video.videoWidth > 0) {
      drawing.drawImage(video, 0, 0, canvas.width, canvas.height);
      bars.add(brightest());
    }
    analyser.getFloatTimeDomainData(wave);
    rms = Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length);
  }
  analyser.getFloatFrequencyData(spectrum);
  const loudest = spectrum.reduce((best, value, index) => (value > spectrum[best] ? index : best), 0);
  const { width, height, videoCodec, audioCodec } = level() ?? {};
  return {
    level: [videoCodec, audioCodec].filter(Boolean).join(',') || null,
    said: height > 0 ? { width, height } : null,
    width: video.videoWidth,
    height: video.videoHeight,
    playedShare: ((video.currentTime - before) * 1000) / elapsed(),
    positions: bars.size,
    patches: video.videoWidth > 0 ? middles.map(patch) : [],
    rms,
    hz: rms > 0.001 ? (loudest * audio.sampleRate) / analyser.fftSize : null,
  };

  /** The mean of a small square. */
  function patch({ name, x, y }) {
    const { data } = drawing.getImageData(Math.round(x * canvas.width) - 3, Math.round(y * canvas.height) - 3, 6, 6);
    const sums = [0, 0, 0];
    for (let index = 0; index < data.length; index += 4) {
      sums[0] += data[index];
      sums[1] += data[index + 1];
      sums[2] += data[index + 2];
    }
    return { name, rgb: sums.map((sum) => Math.round(sum / 36)) };
  }

  /** The column in which the strip is brightest. */
  function brightest() {
    const row = Math.round(canvas.height * (stripTop + (1 - stripTop) * 0.6));
    const { data } = drawing.getImageData(0, row, canvas.width, 1);
    let best = 0;
    for (let x = 0; x < canvas.width; x += 1) {
      best = data[x * 4 + 1] > data[best * 4 + 1] + 8 ? x : best;
    }
    return best;
  }
}
