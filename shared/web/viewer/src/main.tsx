/** The viewer page. */
import "./page/page.css";
import "./player/player.css";
import { App } from "./App";
import { Watching } from "./player/watching";
import { PLAYLIST, start } from "./start";

start(<App watching={new Watching(PLAYLIST)} />);
