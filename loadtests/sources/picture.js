// The test picture: patches whose colours are known, above a strip in which a bar moves. Without anything that is thin, so that
// scaling does not change it. `PATCHES` also goes into the page that looks at it.

export const COLUMNS = 4;
/** Part of the height that the patches take, in two rows; the strip has the rest. */
export const PATCHES_HEIGHT = 0.75;
/** Red, green and blue of each patch, row by row. */
export const PATCHES = [
  ['red', [192, 32, 32]],
  ['green', [32, 160, 32]],
  ['blue', [32, 32, 192]],
  ['yellow', [192, 192, 32]],
  ['cyan', [32, 192, 192]],
  ['magenta', [192, 32, 192]],
  ['white', [224, 224, 224]],
  ['grey', [96, 96, 96]],
];
const STRIP = [16, 16, 16];

/** The picture without the bar, as a PPM file. */
export function still(width, height) {
  const body = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      body.set(colourAt((x + 0.5) / width, (y + 0.5) / height), (y * width + x) * 3);
    }
  }
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), body]);
}

function colourAt(x, y) {
  if (y >= PATCHES_HEIGHT) {
    return STRIP;
  }
  const row = Math.floor((y / PATCHES_HEIGHT) * 2);
  return PATCHES[row * COLUMNS + Math.floor(x * COLUMNS)][1];
}

/** Where the middle of each patch is: parts of width and height. */
export function middles() {
  return PATCHES.map(([name, rgb], index) => ({
    name,
    rgb,
    x: ((index % COLUMNS) + 0.5) / COLUMNS,
    y: ((Math.floor(index / COLUMNS) + 0.5) / 2) * PATCHES_HEIGHT,
  }));
}

/** ffmpeg's filter that moves a white bar through the strip of the picture `[0:v]`. */
export function moving(width, height, rate) {
  const bar = Math.max(4, 2 * Math.floor(width / 16));
  const top = Math.ceil(height * PATCHES_HEIGHT) + 2;
  return (
    `color=white:size=${bar}x${Math.max(2, height - top - 2)}:rate=${rate}[bar];` +
    `[0:v][bar]overlay=format=gbrp:shortest=1:y=${top}:x='mod(n*${Math.max(2, bar / 4)},${width})'`
  );
}
