/** Icons, drawn here on a grid of 24 by 24. They say nothing to screen readers: what they stand in has a name. */
import type { JSX } from "preact";

const LINES = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  sound: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9a4.5 4.5 0 0 1 0 6M18.8 6.2a8.2 8.2 0 0 1 0 11.6",
  silent: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM16.5 9.5l5 5m0-5-5 5",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  leaveFull: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  pip: "M3 6a1 1 0 0 1 1-1h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1zM12 12h6v4h-6z",
  airplay: "M6 17H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-2M12 15l5 6H7z",
  captions: "M3.5 6h17v12h-17zM7 14.5h5M15 14.5h2M7 11h2M12 11h5",
  quality:
    "M4 7h9m5 0h2M4 17h2m5 0h9M13 7a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M6 17a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0",
  chat: "M4 5h16v11H9.5L5 20v-4H4z",
  close: "M6 6l12 12M18 6 6 18",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  arrowDown: "M12 5v14M6 13l6 6 6-6",
  send: "M4 12 20.5 4.5 14 20l-2.8-6.2zM11.2 13.8 20.5 4.5",
  smile: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.5M15 9.5v.5",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5a2.2 2.2 0 0 0 4 0",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  reply: "M9 7 4 12l5 5M4 12h9a7 7 0 0 1 7 7",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  hide: "M4 4l16 16M10 5.2A9.8 9.8 0 0 1 12 5c5 0 8.3 3.8 9.5 7-.4 1-1 2.1-1.9 3.1M6.5 7.2C4.5 8.5 3.2 10.4 2.5 12c1.2 3.2 4.5 7 9.5 7 1.5 0 2.9-.4 4.1-1M10 10a2.8 2.8 0 0 0 4 4",
  show: "M2.5 12C3.7 8.8 7 5 12 5s8.3 3.8 9.5 7c-1.2 3.2-4.5 7-9.5 7s-8.3-3.8-9.5-7M9.2 12a2.8 2.8 0 1 0 5.6 0 2.8 2.8 0 1 0-5.6 0",
  ban: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M6 6l12 12",
  edit: "M4 20h4L19.5 8.5l-4-4L4 16zM13 7l4 4",
  window: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  share: "M12 15V4M8 7.5 12 3.5l4 4M5 12v8h14v-8",
  settings:
    "M10.2 5L10.5 2.6L13.5 2.6L13.8 5L15.7 5.8L17.6 4.3L19.7 6.4L18.2 8.3L19 10.2L21.4 10.5L21.4 13.5L19 13.8L18.2 15.7L19.7 17.6L17.6 19.7L15.7 18.2L13.8 19L13.5 21.4L10.5 21.4L10.2 19L8.3 18.2L6.4 19.7L4.3 17.6L5.8 15.7L5 13.8L2.6 13.5L2.6 10.5L5 10.2L5.8 8.3L4.3 6.4L6.4 4.3L8.3 5.8zM9 12a3 3 0 1 0 6 0 3 3 0 1 0-6 0",
  eye: "M2.5 12C3.7 8.8 7 5 12 5s8.3 3.8 9.5 7c-1.2 3.2-4.5 7-9.5 7s-8.3-3.8-9.5-7M9.2 12a2.8 2.8 0 1 0 5.6 0 2.8 2.8 0 1 0-5.6 0",
  check: "M5 12.5 10 17.5 19.5 7",
  shield: "M12 3l8 3v6c0 4.5-3.4 7.8-8 9-4.6-1.2-8-4.5-8-9V6z",
  warn: "M12 4 2.5 20h19zM12 10v5M12 17.5v.01",
  globe:
    "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M3.5 12h17M12 3.5c3 2.5 3 14.5 0 17M12 3.5c-3 2.5-3 14.5 0 17",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M14.5 9.5h.01",
  clock: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M12 7v5l3.5 2",
  people:
    "M8.5 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20a6 6 0 0 1 12 0M15.5 4.3a3.5 3.5 0 0 1 0 6.4M17.5 14.6a6 6 0 0 1 4 5.4",
  key: "M3.5 15.5a4 4 0 1 0 8 0 4 4 0 1 0-8 0M10.5 12.5 19 4M16 7l3 3M13.5 9.5l2 2",
  disk: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  lines: "M5 6h14M5 12h14M5 18h9",
  info: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M12 11v5.5M12 7.5v.01",
  home: "M4 11 12 4l8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
  again: "M20 5v5h-5M4 12a8 8 0 0 1 14.5-4.6L20 10M4 19v-5h5M20 12a8 8 0 0 1-14.5 4.6L4 14",
} as const;

/** The name of an icon that is drawn here. */
export type IconName = keyof typeof LINES;

const SOLID: readonly IconName[] = ["play"];

/** An icon in the colour of the text around it, hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path class={SOLID.includes(name) ? "solid" : undefined} d={LINES[name]} />
    </svg>
  );
}
