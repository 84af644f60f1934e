/** The admin page: what owners run their server with. */
import "@common/base.css";
import "./admin.css";
import { render } from "preact";

import { language } from "@common/text/language";
import { startTheme } from "@common/theme";

import { App } from "./App";

startTheme();
document.documentElement.lang = language.value;
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
