/** The viewer page as a whole: the player, what is about it, and the chat beside or below. */
import type { JSX } from "preact";

import { useRoom } from "./chat/Chat";
import { isOver } from "./chat/room";
import type { Room } from "./chat/room";
import { ChatPanel, isChatOff, isChatOpen } from "./ChatPanel";
import { About } from "./page/About";
import { Header } from "./page/Header";
import { isAdult, Nsfw } from "./page/Nsfw";
import { Offline } from "./page/Offline";
import { Player } from "./player/Player";
import type { Watching } from "./player/watching";
import { config } from "./server";
import { text } from "./text";

interface Props {
  readonly watching: Watching;
  readonly room: Room;
}

/** The viewer page; in its place the question of `Nsfw` where the owner wants it and the viewer has not agreed yet. */
export function App(props: Props): JSX.Element {
  return config.value?.nsfw === true && !isAdult.value ? <Nsfw /> : <Page {...props} />;
}

function Page({ watching, room }: Props): JSX.Element {
  useRoom(room);
  return (
    <div class="page">
      {isChatOpen.value && !isChatOff.value && (
        <a class="skip button" href={isOver(room.state.value) ? "#chat" : "#message"}>
          {text.value.skipToChat}
        </a>
      )}
      <Header />
      <main class="main">
        <Player watching={watching} offline={<Offline />} />
        <About />
      </main>
      <ChatPanel room={room} />
    </div>
  );
}
