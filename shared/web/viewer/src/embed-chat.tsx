/** The chat alone, for frames on other pages and windows of its own; `data-chat` says whether one may write. */
import "./chat/chat.css";
import "./embed.css";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { Chat, useRoom } from "./chat/Chat";
import { Room } from "./chat/room";
import { Embed } from "./Embed";
import { followEdges } from "./nearest";
import { start } from "./start";

const isReadOnly = document.getElementById("app")?.dataset["chat"] === "readonly";

function Page({ room }: { readonly room: Room }): JSX.Element {
  useRoom(room);
  const isOpen = room.state.value === "open";
  useEffect(() => {
    if (isOpen) followEdges();
  }, [isOpen]);
  return (
    <Embed area="chat">
      <Chat room={room} isReadOnly={isReadOnly} />
    </Embed>
  );
}

start(<Page room={new Room()} />);
