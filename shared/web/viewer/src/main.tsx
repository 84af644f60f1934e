/** The viewer page. */
import "./page/page.css";
import "./player/player.css";
import "./chat/chat.css";
import { App } from "./App";
import { Room } from "./chat/room";
import { Watching } from "./player/watching";
import { PLAYLIST, start } from "./start";

start(<App watching={new Watching(PLAYLIST)} room={new Room()} />);
