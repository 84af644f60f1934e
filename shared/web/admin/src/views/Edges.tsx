/** Which edges there are, and how another one joins. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { ago, count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { Live } from "../live/Live";
import * as live from "../live/live";
import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { EdgeFigures } from "./EdgeStates";
import { Action, Card, Copyable, Loaded } from "./parts";

type Edge = Schema<"Edge">;

const JOIN_SECONDS = 3_600;

/** The part with all edges, which can be revoked one by one, and the tokens by which others join. */
export function EdgesView(): JSX.Element {
  const { edges } = text.value;
  const list = usePolled(() => ask((options) => get("/api/admin/edges", options)), 0);
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
    </>
  );
}

function EdgeLine({ edge, onDone }: { readonly edge: Edge; readonly onDone: () => void }): JSX.Element {
  const { edges } = text.value;
  const now = live.state.value?.edges.find(({ name }) => name === edge.name);
  const since = (time: string): string => ago(locale.value, (Date.now() - Date.parse(time)) / 1_000);
  const isOut = edge.revokedAt !== null;
  const state = isOut ? "out" : edge.connected ? "connected" : "away";
  return (
    <li class={isOut ? "is-hidden" : ""}>
      <div class="list-main">
        <p>
          <strong dir="auto">{edge.name}</strong> <span class={`tag ${state}`}>{edges[state]}</span>
        </p>
        <p class="quiet small">
          {edge.connected && edge.connectedAt !== null && edges.connectedSince(since(edge.connectedAt))}
          {!edge.connected && edge.seenAt !== null && edges.seen(since(edge.seenAt))}
          {edge.address !== null && <bdi> · {edge.address}</bdi>}
          {!isOut && <> · {edges.validUntil(dateAndTime(locale.value, Date.parse(edge.expiresAt)))}</>}
        </p>
        {now?.connected === true && <EdgeFigures edge={now} />}
      </div>
      {!isOut && (
        <Action
          face={edges.revoke}
          class="danger"
          sure={edges.revokeSure(edge.name)}
          act={() => ask((options) => post("/api/admin/edges/revoke", { name: edge.name }, options))}
          onDone={onDone}
        />
      )}
    </li>
  );
}

function Join(): JSX.Element {
  const { edges } = text.value;
  const [token, setToken] = useState<string | null>(null);
  const list = usePolled(() => ask((options) => get("/api/admin/jointokens", options)), 0);
  const body = { label: "", lifetimeSeconds: JOIN_SECONDS, maxUses: 1 };
  return (
    <Card title={edges.join} intro={edges.joinIntro}>
      <Action
        face={edges.makeToken}
        act={async () => {
          const made = await ask((options) => post("/api/admin/jointokens/create", body, options));
          setToken(made.token);
        }}
        onDone={list.refresh}
      />
      {token !== null && (
        <div class="notice good">
          <Copyable label={edges.command} value={`FARCAST_JOIN_TOKEN=${token} farcast-edge`} />
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
