/** Which edge a viewer is sent to, and why: for an address that is typed. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";

import { get } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { wordsOfFailure } from "../failure";
import { isAddress } from "../people/address";
import { ask } from "../session";
import { text } from "../text";
import { Card } from "./parts";
import { distanceOf, partsOf, whyOf } from "./routing";

type Edge = Schema<"Edge">;
type Ranking = Schema<"EdgeRanking">;
type Place = Schema<"EdgePlace">;

/** The card with a form for a viewer's address, and the ranking of edges for it. */
export function ExplainEdges({ edges: all }: { readonly edges: readonly Edge[] }): JSX.Element {
  const { explain } = text.value;
  const id = useId();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState("");
  const [ranking, setRanking] = useState<Ranking | null>(null);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const ip = typed.trim();
  const isWrong = ip !== "" && !isAddress(ip);
  const look = (event: Event): void => {
    event.preventDefault();
    if (ip === "" || isWrong || isBusy) return;
    setBusy(true);
    setProblem("");
    const query = { ip, ...(at === "" ? {} : { edge: at }) };
    ask((options) => get("/api/admin/edges/explain", { ...options, query })).then(
      (found) => {
        setBusy(false);
        setRanking(found);
      },
      (error: unknown) => {
        setBusy(false);
        setRanking(null);
        setProblem(wordsOfFailure(error));
      },
    );
  };
  const nameOf = (edge: string): string => all.find(({ name }) => name === edge)?.displayName ?? edge;
  return (
    <Card title={explain.title} intro={explain.intro}>
      <form onSubmit={look}>
        <div class="rung-fields wide">
          <div>
            <label class="small quiet" for={id}>
              {explain.address}
            </label>
            <input
              id={id}
              class="field"
              dir="ltr"
              maxLength={45}
              placeholder="192.0.2.40"
              value={typed}
              aria-invalid={isWrong}
              aria-describedby={`${id}-problem`}
              onInput={(event) => {
                setTyped(event.currentTarget.value);
              }}
            />
          </div>
          <label>
            <span class="small quiet">{explain.at}</span>
            <select
              class="field"
              value={at}
              onChange={(event) => {
                setAt(event.currentTarget.value);
              }}
            >
              <option value="">{explain.nowhere}</option>
              {all
                .filter(({ revokedAt }) => revokedAt === null)
                .map(({ name }) => (
                  <option key={name} value={name}>
                    {nameOf(name)}
                  </option>
                ))}
            </select>
          </label>
          <button type="submit" class="button" disabled={ip === "" || isWrong || isBusy}>
            {explain.look}
          </button>
        </div>
        <p id={`${id}-problem`} class="problem" role="status">
          {isWrong ? text.value.people.noAddress : problem}
        </p>
      </form>
      {ranking !== null && <Found ranking={ranking} nameOf={nameOf} />}
    </Card>
  );
}

interface FoundProps {
  readonly ranking: Ranking;
  readonly nameOf: (edge: string) => string;
}

function Found({ ranking, nameOf }: FoundProps): JSX.Element {
  const { explain } = text.value;
  const { address, coordinates, places, staysAt, edges } = ranking;
  const where =
    coordinates === null
      ? explain.nowhereKnown(address)
      : explain.where(
          address,
          count(locale.value, coordinates.latitude, 2),
          count(locale.value, coordinates.longitude, 2),
        );
  return (
    <>
      <p class="quiet" role="status">
        {where} {staysAt !== null && explain.staysAt(nameOf(staysAt))}
      </p>
      {places.length === 0 ? (
        <p class="quiet">{explain.none}</p>
      ) : (
        <table class="clients ranking">
          <thead>
            <tr>
              {Object.values(explain.columns).map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {places.map((place, index) => (
              <Row
                key={place.edge}
                number={index + 1}
                place={place}
                before={places[index - 1]}
                name={nameOf(place.edge)}
              />
            ))}
          </tbody>
        </table>
      )}
      {edges > places.length && places.length > 0 && (
        <p class="hint">{explain.firstOf(count(locale.value, places.length), count(locale.value, edges))}</p>
      )}
    </>
  );
}

interface RowProps {
  readonly number: number;
  readonly place: Place;
  readonly before: Place | undefined;
  readonly name: string;
}

/** The word that a catalogue has for what the server names; what it does not know is shown as it came. */
function word(words: Readonly<Record<string, string>>, named: string): string {
  return Object.hasOwn(words, named) ? (words[named] ?? named) : named;
}

function Row({ number, place, before, name }: RowProps): JSX.Element {
  const { explain, edges } = text.value;
  const { columns } = explain;
  const figure = (value: number): string => count(locale.value, value);
  const costs = partsOf(place.cost).map(([part, points]) => `${word(explain.parts, part)} ${figure(points)}`);
  const distance = distanceOf(place.distance);
  const far = ((): string => {
    switch (distance?.kind) {
      case "kilometres":
        return explain.kilometres(figure(distance.value));
      case "measuredMs":
        return explain.measured(figure(distance.value));
      case "edgeUnknown":
        return explain.edgeUnknown;
      case "viewerUnknown":
        return explain.viewerUnknown;
      case undefined:
        return edges.notTold;
    }
  })();
  const why = whyOf(place, before);
  return (
    <tr>
      <td data-name={columns.place}>{figure(number)}</td>
      <th scope="row" dir="auto">
        {name}
      </th>
      <td data-name={columns.faults}>
        {place.faults.length === 0
          ? explain.noFaults
          : place.faults.map((fault) => word(explain.faults, fault)).join(", ")}
      </td>
      <td data-name={columns.cost}>
        <strong>{figure(place.total)}</strong>
        {costs.length > 0 && <span class="quiet small"> ({costs.join(", ")})</span>}
      </td>
      <td data-name={columns.distance}>{far}</td>
      <td data-name={columns.load}>
        {edges.levels[place.level]}{" "}
        <span class="quiet small">({explain.viewers(figure(place.viewers))})</span>
      </td>
      <td data-name={columns.why}>{explain.whys[why]}</td>
    </tr>
  );
}
