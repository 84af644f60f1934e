/** The player alone, for frames on other pages. */
import "./player/player.css";
import "./embed.css";
import { Offline } from "./page/Offline";
import { Player } from "./player/Player";
import { Watching } from "./player/watching";
import { PLAYLIST, start } from "./start";

start(<Player watching={new Watching(PLAYLIST)} offline={<Offline />} />);
