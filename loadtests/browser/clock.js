// Reads the time out of a picture; the layout is that of loadtests/src/clock.rs.
// `readClock` also runs inside the page, so it uses nothing from outside of itself.

/**
 * @param {(x: number, y: number) => number} luma of a pixel, 0…255
 * @param {number} width of the picture in pixels
 * @returns {number | null} milliseconds, low 40 bits; null when the check byte does not fit
 */
export function readClock(luma, width) {
  const block = width / 16;
  const rows = [];
  for (let row = 0; row < 6; row += 1) {
    let byte = 0;
    for (let column = 0; column < 8; column += 1) {
      const x = Math.floor((column + 0.5) * block);
      const y = Math.floor((row + 0.5) * block);
      byte = byte * 2 + (luma(x, y) > 128 ? 1 : 0);
    }
    rows.push(byte);
  }
  const check = rows.slice(0, 5).reduce((sum, byte) => sum ^ byte, 0xa5);
  return check === rows[5] ? rows.slice(0, 5).reduce((time, byte) => time * 256 + byte, 0) : null;
}
