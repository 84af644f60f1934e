/** The player alone, for frames on other pages. */
import "./player/player.css";
import "./embed.css";
import { Embed } from "./Embed";
import { Offline } from "./page/Offline";
import { Player } from "./player/Player";
import { Watching } from "./player/watching";
import { PLAYLIST, start } from "./start";

start(
  <Embed>
    <Player watching={new Watching(PLAYLIST)} offline={<Offline />} />
  </Embed>,
);
