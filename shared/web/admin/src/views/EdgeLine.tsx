/** One edge in the list of all: what it is at, what it carries, and what can be done with it. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";

import { post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Dialog } from "@common/dialog";
import { ago, count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { wordsOfFailure } from "../failure";
import * as live from "../live/live";
import { ask } from "../session";
import { text } from "../text";
import { EdgeFigures } from "./EdgeStates";
import { Action } from "./parts";
import { lagMsOf, shareOf, standingOf } from "./routing";

type Edge = Schema<"Edge">;

const MOST_LETTERS = 80;

interface Props {
  readonly edge: Edge;
  readonly onDone: () => void;
}

/** An edge with its state, figures and addresses, and the buttons that rename, drain and revoke it. */
export function EdgeLine({ edge, onDone }: Props): JSX.Element {
  const { edges } = text.value;
  const { name, displayName, routing } = edge;
  const now = live.state.value?.edges.find((one) => one.name === name);
  const since = (time: string): string => ago(locale.value, (Date.now() - Date.parse(time)) / 1_000);
  const isOut = edge.revokedAt !== null;
  const standing = standingOf(edge);
  return (
    <li class={isOut ? "is-hidden" : ""}>
      <div class="list-main">
        <p>
          <strong dir="auto">{displayName}</strong>{" "}
          {displayName !== name && <code class="edge-name">{name}</code>}{" "}
          <span class={`tag ${standing}`}>{edges.standings[standing]}</span>
          {routing !== null && routing.level !== "light" && (
            <span class={`tag ${routing.level}`}>{edges.levels[routing.level]}</span>
          )}
        </p>
        <p class="quiet small">
          {routing !== null && routing.region !== "" && <bdi>{routing.region} · </bdi>}
          {edge.connected && edge.connectedAt !== null && edges.connectedSince(since(edge.connectedAt))}
          {!edge.connected && edge.seenAt !== null && edges.seen(since(edge.seenAt))}
          {edge.address !== null && <bdi> · {edge.address}</bdi>}
          {!isOut && <> · {edges.validUntil(dateAndTime(locale.value, Date.parse(edge.expiresAt)))}</>}
        </p>
        {!isOut && routing !== null && <Routing routing={routing} />}
        {routing === null && now?.connected === true && <EdgeFigures edge={now} />}
      </div>
      {!isOut && (
        <div class="list-actions">
          <Rename edge={edge} onDone={onDone} />
          <Drain edge={edge} onDone={onDone} />
          <Action
            face={edges.revoke}
            label={`${edges.revoke}: ${displayName}`}
            class="danger"
            sure={edges.revokeSure(displayName)}
            act={() => ask((options) => post("/api/admin/edges/revoke", { name }, options))}
            onDone={onDone}
          />
        </div>
      )}
    </li>
  );
}

function Routing({ routing }: { readonly routing: Schema<"EdgeRouting"> }): JSX.Element {
  const { edges } = text.value;
  const { load, capacity, urls, version } = routing;
  const figure = (value: number, digits = 0): string => count(locale.value, value, digits);
  const mbit = (bps: number): string => figure(bps / 1e6, bps < 1e8 ? 1 : 0);
  const lagMs = lagMsOf(routing);
  return (
    <>
      <dl class="facts">
        <Fact name={edges.viewers} value={figure(load.viewers)} />
        <Fact
          name={edges.lag}
          value={lagMs === null ? edges.noBroadcast : edges.seconds(figure(lagMs / 1_000, 2))}
        />
        <Fact name={edges.version} value={version} />
      </dl>
      <div class="edge-loads">
        <Load
          name={edges.connections}
          said={
            capacity.connections === null
              ? figure(load.connections)
              : edges.of(figure(load.connections), figure(capacity.connections))
          }
          share={shareOf(load.connections, capacity.connections)}
        />
        <Load
          name={edges.sends}
          said={edges.mbit(
            capacity.egressBps === null
              ? mbit(load.egressBps)
              : edges.of(mbit(load.egressBps), mbit(capacity.egressBps)),
          )}
          share={shareOf(load.egressBps, capacity.egressBps)}
        />
      </div>
      {urls.length === 0 ? (
        <p class="hint">{edges.noUrl}</p>
      ) : (
        <ul class="edge-urls small" aria-label={edges.urls}>
          {urls.map((url) => (
            <li key={url}>
              <a href={url} target="_blank" rel="noopener noreferrer">
                {url}
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd dir="auto">{value}</dd>
    </div>
  );
}

interface LoadProps {
  readonly name: string;
  readonly said: string;
  /** From 0 to 1; null where nobody knows how much would be all. */
  readonly share: number | null;
}

function Load({ name, said, share }: LoadProps): JSX.Element {
  const id = useId();
  return (
    <div>
      <p class="small">
        <span id={id} class="quiet">
          {name}
        </span>{" "}
        <span>{said}</span>
      </p>
      {share !== null && <meter min={0} max={1} high={0.7} optimum={0} value={share} aria-labelledby={id} />}
    </div>
  );
}

function Drain({ edge, onDone }: Props): JSX.Element {
  const { edges } = text.value;
  const { name, displayName, drained } = edge;
  return drained ? (
    <Action
      face={edges.undrain}
      label={`${edges.undrain}: ${displayName}`}
      sure={edges.undrainSure(displayName)}
      act={() => ask((options) => post("/api/admin/edges/undrain", { name }, options))}
      onDone={onDone}
    />
  ) : (
    <Action
      face={edges.drain}
      label={`${edges.drain}: ${displayName}`}
      sure={edges.drainSure(displayName)}
      act={() => ask((options) => post("/api/admin/edges/drain", { name }, options))}
      onDone={onDone}
    />
  );
}

function Rename({ edge, onDone }: Props): JSX.Element {
  const { edges, cancel } = text.value;
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const close = (): void => {
    setDraft(null);
    setProblem("");
  };
  const save = (event: Event): void => {
    event.preventDefault();
    const wanted = draft?.trim() ?? "";
    setBusy(true);
    setProblem("");
    const body = { name: edge.name, displayName: wanted === "" ? null : wanted };
    ask((options) => post("/api/admin/edges/rename", body, options)).then(
      () => {
        setBusy(false);
        close();
        onDone();
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(wordsOfFailure(error));
      },
    );
  };
  const label = `${edges.rename}: ${edge.displayName}`;
  return (
    <>
      <button
        type="button"
        class="button"
        aria-label={label}
        onClick={() => {
          setDraft(edge.displayName === edge.name ? "" : edge.displayName);
        }}
      >
        {edges.rename}
      </button>
      {draft !== null && (
        <Dialog label={label} onClose={close}>
          <form class="row" onSubmit={save}>
            <label class="label" for={id}>
              {edges.displayName}
            </label>
            <input
              id={id}
              class="field"
              dir="auto"
              maxLength={MOST_LETTERS}
              placeholder={edge.name}
              value={draft}
              aria-describedby={`${id}-hint`}
              onInput={(event) => {
                setDraft(event.currentTarget.value);
              }}
            />
            <p id={`${id}-hint`} class="hint">
              {edges.displayNameHint(edge.name)}
            </p>
            {problem !== "" && (
              <p class="problem" role="alert">
                {problem}
              </p>
            )}
            <div class="dialog-buttons">
              <button type="button" class="button" onClick={close}>
                {cancel}
              </button>
              <button type="submit" class="button primary" disabled={isBusy}>
                {edges.rename}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
