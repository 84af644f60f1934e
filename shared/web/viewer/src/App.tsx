/** The viewer page as a whole: the player, what is about it, and the chat beside or below. */
import type { JSX } from "preact";

import { About } from "./page/About";
import { Header } from "./page/Header";
import { isAdult, Nsfw } from "./page/Nsfw";
import { Offline } from "./page/Offline";
import { Player } from "./player/Player";
import type { Watching } from "./player/watching";
import { config } from "./server";

export function App({ watching }: { readonly watching: Watching }): JSX.Element {
  if (config.value?.nsfw === true && !isAdult.value) return <Nsfw />;
  return (
    <div class="page">
      <Header />
      <main class="main">
        <Player watching={watching} offline={<Offline />} />
        <About />
      </main>
    </div>
  );
}
