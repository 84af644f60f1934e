/** What to do while nothing was ever on air: where encoders send to, and with which key. */
import type { JSX } from "preact";

import { password } from "../session";
import { text } from "../text";
import { Card, Copyable, Settings } from "./parts";

export function FirstRun(): JSX.Element {
  const { firstRun } = text.value;
  return (
    <Card title={firstRun.title} intro={firstRun.intro}>
      <Settings>
        {(config) => {
          const server = `rtmp://${location.hostname}:${config.rtmpServerPort}/live`;
          // Until a password is set apart, it is the stream key.
          const key = config.adminPasswordSet ? null : password.value;
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
                {key === null ? (
                  <p>
                    {firstRun.keyHidden} <a href="#/server">{firstRun.newKey}</a>
                  </p>
                ) : (
                  <Copyable label={firstRun.key} value={key} />
                )}
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
