/** Colours as the browser understands them, for those that are not written in numbers. */
import { colorOf } from "./color";
import type { Color } from "./color";

let canvas: CanvasRenderingContext2D | null | undefined;

/** Any colour of CSS but one that refers to another; null where the text is none. Opacity is passed over. */
export function cssColor(text: string): Color | null {
  const numbers = colorOf(text);
  if (numbers !== null || text.trim() === "" || !CSS.supports("color", text) || text.includes("var("))
    return numbers;
  canvas ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (canvas === null) return null;
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
  return { red, green, blue };
}
