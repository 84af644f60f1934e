/** What fills a frame on another page. */
import type { ComponentChildren, JSX } from "preact";

import { config } from "./server";

export function Embed({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <main class="embed">
      <h1 class="unseen">{config.value?.name ?? "Farcast"}</h1>
      {children}
    </main>
  );
}
