/** The chat alone, for frames on other pages and windows of its own; `data-chat` says whether one may write. */
import "./embed.css";
import { start } from "./start";

start(<p>chat</p>);
