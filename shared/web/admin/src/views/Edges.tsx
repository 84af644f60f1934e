/** Which edges there are, and how another one joins. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { Live } from "../live/Live";
import * as live from "../live/live";
import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { EdgeLine } from "./EdgeLine";
import { ExplainEdges } from "./ExplainEdges";
import { Action, Card, Copyable, Loaded } from "./parts";

const JOIN_SECONDS = 3_600;
/** Loads change all the time; the origin answers from memory. */
const LIST_EVERY_MS = 10_000;

/** The part with all edges, what can be done with each, the tokens by which others join, and who is sent to which edge. */
export function EdgesView(): JSX.Element {
  const { edges } = text.value;
  const list = usePolled(() => ask((options) => get("/api/admin/edges", options)), LIST_EVERY_MS);
  // Who joined and who is shut out is asked for anew when the server tells of others.
  const told = live.state.value?.edges.map(({ name, connected }) => `${name} ${connected}`).join("\n");
  const before = useRef(told);
  useEffect(() => {
    if (before.current !== undefined && before.current !== told) list.refresh();
    before.current = told;
  }, [told]);
  return (
    <>
      <Card title={edges.title}>
        <Live of={live.state}>{() => null}</Live>
        <Loaded of={list}>
          {(all) =>
            all.length === 0 ? (
              <p class="quiet">{edges.none}</p>
            ) : (
              <ul class="list">
                {all.map((edge) => (
                  <EdgeLine key={edge.name} edge={edge} onDone={list.refresh} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Card>
      <Join />
      {(list.value.value ?? []).some(({ routing }) => routing !== null) && (
        <ExplainEdges edges={list.value.value ?? []} />
      )}
    </>
  );
}

function Join(): JSX.Element {
  const { edges } = text.value;
  const [command, setCommand] = useState<string | null>(null);
  const list = usePolled(() => ask((options) => get("/api/admin/jointokens", options)), 0);
  const body = { label: "", lifetimeSeconds: JOIN_SECONDS, maxUses: 1 };
  return (
    <Card title={edges.join} intro={edges.joinIntro}>
      <Action
        face={edges.makeToken}
        act={async () => {
          const made = await ask((options) => post("/api/admin/jointokens/create", body, options));
          setCommand(made.command);
        }}
        onDone={list.refresh}
      />
      {command !== null && (
        <div class="notice good">
          <Copyable label={edges.command} value={command} />
        </div>
      )}
      <Loaded of={list}>
        {(all) => (
          <ul class="list">
            {all
              .filter(({ state }) => state === "valid")
              .map((one) => (
                <TokenLine key={one.id} token={one} onDone={list.refresh} />
              ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}

type JoinToken = Schema<"JoinToken">;

function TokenLine({
  token,
  onDone,
}: {
  readonly token: JoinToken;
  readonly onDone: () => void;
}): JSX.Element {
  const { edges } = text.value;
  const { id, label, expiresAt, maxUses, uses, standing } = token;
  const name = standing ? edges.standing : label === "" ? id : label;
  return (
    <li>
      <div class="list-main">
        <bdi class="strong">{name}</bdi>
        <p class="quiet small">
          {expiresAt === null ? edges.forEver : edges.until(dateAndTime(locale.value, Date.parse(expiresAt)))}{" "}
          · {edges.uses(count(locale.value, uses), maxUses === null ? null : count(locale.value, maxUses))}
        </p>
      </div>
      <Action
        face={edges.revokeToken}
        class="danger"
        sure={edges.revokeTokenSure(name)}
        act={() => ask((options) => post("/api/admin/jointokens/revoke", { id }, options))}
        onDone={onDone}
      />
    </li>
  );
}
