/** What to do while nothing was ever on air: where encoders send to, and with which key. */
import type { JSX } from "preact";

import { text } from "../text";
import { Card, Copyable, Settings } from "./parts";

export function FirstRun(): JSX.Element {
  const { firstRun } = text.value;
  return (
    <Card title={firstRun.title} intro={firstRun.intro}>
      <Settings>
        {(config) => {
          const server = `rtmp://${location.hostname}:${config.rtmpServerPort}/live`;
          return (
            <ol class="steps">
              <li>
                <p>{firstRun.open}</p>
              </li>
              <li>
                <Copyable label={firstRun.server} value={server} />
                <p class="hint">{firstRun.serverHint}</p>
              </li>
              <li>
                <p>
                  {config.adminPasswordSet ? firstRun.keyHidden : firstRun.keyIsPassword}{" "}
                  <a href="#/server">{firstRun.newKey}</a>
                </p>
              </li>
              <li>
                <p class="waiting" role="status">
                  {firstRun.start}
                </p>
              </li>
            </ol>
          );
        }}
      </Settings>
    </Card>
  );
}
