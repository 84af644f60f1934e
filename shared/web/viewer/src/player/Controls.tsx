/** The bar below, or over, the picture. */
import type { JSX } from "preact";

import { Icon } from "@common/icons";
import { MenuItem, PopupButton } from "@common/popup";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";
import { bestFirst, bitrateText, qualityName } from "@player/quality";

import { edges } from "../nearest";
import { live as liveNow } from "../server";
import { text } from "../text";
import type { Watching } from "./watching";

interface Props {
  readonly watching: Watching;
  /** There is nothing to control. */
  readonly isOff: boolean;
}

/** The buttons of the player: play, sound, live edge, captions, quality, other screens, and full screen. */
export function Controls({ watching, isOff }: Props): JSX.Element {
  const { player } = text.value;
  const playing = watching.playing.value;
  const isFull = watching.isFull.value;
  const hasPip = document.pictureInPictureEnabled;
  return (
    <div class="controls" role="group" aria-label={player.controls} data-off={isOff}>
      <Button
        label={`${playing ? player.pause : player.play} (k)`}
        icon={playing ? "pause" : "play"}
        onClick={watching.commands.play}
        id="play"
      />
      <Volume watching={watching} />
      <Live watching={watching} />
      <span class="space" />
      <Captions watching={watching} />
      <Quality watching={watching} />
      {watching.offersAirPlay.value && (
        <Button
          label={player.airplay}
          icon="airplay"
          onClick={() => {
            watching.chooseScreen();
          }}
          id="airplay"
        />
      )}
      {hasPip && (
        <Button
          label={watching.isPip.value ? player.leavePip : player.pip}
          icon="pip"
          onClick={() => {
            watching.togglePip();
          }}
          id="pip"
        />
      )}
      <Button
        label={`${isFull ? player.leaveFull : player.full} (f)`}
        icon={isFull ? "leaveFull" : "full"}
        onClick={watching.commands.fullscreen}
        id="fullscreen"
      />
    </div>
  );
}

interface ButtonProps {
  readonly id: string;
  readonly label: string;
  readonly icon: Parameters<typeof Icon>[0]["name"];
  readonly onClick: () => void;
}

function Button({ id, label, icon, onClick }: ButtonProps): JSX.Element {
  return (
    <button type="button" id={id} class="icon-button" aria-label={label} title={label} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

function Volume({ watching }: { readonly watching: Watching }): JSX.Element {
  const { player } = text.value;
  const { volume, muted } = watching.sound.value;
  const isSilent = muted || volume === 0;
  return (
    <span class="volume">
      <Button
        id="mute"
        label={`${isSilent ? player.unmute : player.mute} (m)`}
        icon={isSilent ? "silent" : "sound"}
        onClick={watching.commands.mute}
      />
      <input
        id="volume"
        type="range"
        min="0"
        max="100"
        step="1"
        value={Math.round((muted ? 0 : volume) * 100)}
        aria-label={player.volume}
        onInput={(event) => {
          watching.setVolume(Number(event.currentTarget.value) / 100);
        }}
      />
    </span>
  );
}

/** Whether the viewer is at the live edge, how old the picture is, and the way back to the edge. */
function Live({ watching }: { readonly watching: Watching }): JSX.Element {
  const { player, live } = text.value;
  const { phase, latency, behindS } = watching;
  const behind = behindS.value;
  const now = latency.value;
  const isBehind = behind !== null || (phase.value === "playing" && !watching.playing.value);
  const shown = now === null ? "" : count(locale.value, now.seconds, 1);
  const hint = now?.isEndToEnd === false ? player.latencyEdgeHint(shown) : player.latencyHint(shown);
  const isLive = liveNow.value === "live" && (phase.value === "playing" || phase.value === "buffering");
  return (
    <span class="live-now">
      <button
        type="button"
        id="live"
        class={isLive && !isBehind ? "live at-edge" : "live"}
        disabled={!isBehind}
        title={isBehind ? `${player.toLive} (l)` : player.atLive}
        onClick={watching.commands.live}
      >
        <span class="dot" aria-hidden="true" />
        <span class="word">{live}</span>
        {behind !== null && <span class="behind">{player.behind(count(locale.value, behind))}</span>}
      </button>
      {now !== null && behind === null && (
        <span class="latency" title={hint}>
          {player.latency(shown)}
        </span>
      )}
    </span>
  );
}

/** Only where the broadcast has some. */
function Captions({ watching }: { readonly watching: Watching }): JSX.Element | null {
  const { player } = text.value;
  const captions = watching.captions.value;
  if (captions.length === 0) return null;
  const names: readonly (readonly [number, string])[] = [
    [-1, player.noCaptions],
    ...captions.map(({ index, name }) => [index, name === "" ? player.captions : name] as const),
  ];
  const shown = captions.find(({ isShown }) => isShown)?.index ?? -1;
  return (
    <PopupButton label={player.captions} face={<Icon name="captions" />}>
      {(close) => (
        <>
          <p class="menu-title">{player.captions}</p>
          {names.map(([index, name]) => (
            <MenuItem
              key={index}
              checked={index === shown}
              onChoose={() => {
                watching.showCaptions(index);
                close();
              }}
            >
              <span dir="auto">{name}</span>
            </MenuItem>
          ))}
        </>
      )}
    </PopupButton>
  );
}

function Quality({ watching }: { readonly watching: Watching }): JSX.Element {
  const { player } = text.value;
  const qualities = watching.qualities.value;
  const fixed = watching.fixed.value;
  const current = qualities[watching.current.value];
  const short = current === undefined ? "" : current.height > 0 ? `${current.height}p` : player.audioOnly;
  return (
    <PopupButton
      label={short === "" ? player.quality : `${player.quality}: ${short}`}
      class="quality icon-button"
      disabled={qualities.length === 0}
      face={
        <>
          <Icon name="quality" />
          <span class="short">{short}</span>
        </>
      }
    >
      {(close) => {
        const choose = (index: number): void => {
          watching.fix(index);
          close();
        };
        return (
          <>
            <p class="menu-title">{player.quality}</p>
            <MenuItem
              checked={fixed < 0}
              onChoose={() => {
                choose(-1);
              }}
            >
              {fixed < 0 && short !== "" ? player.autoNow(short) : player.auto}
            </MenuItem>
            {bestFirst(qualities).map((index) => {
              const quality = qualities[index];
              return quality === undefined ? null : (
                <MenuItem
                  key={index}
                  checked={fixed === index}
                  onChoose={() => {
                    choose(index);
                  }}
                >
                  <span>{qualityName(quality, player.audioOnly)}</span>
                  {quality.bitrateBps > 0 && <span class="rate">{bitrateText(quality.bitrateBps)}</span>}
                </MenuItem>
              );
            })}
            <ServedBy />
          </>
        );
      }}
    </PopupButton>
  );
}

/** The edge that media comes from; nothing where it has no name. */
function ServedBy(): JSX.Element | null {
  const { name = "", region = "" } = edges.serving.value ?? {};
  if (name === "") return null;
  return (
    <p id="edge" class="menu-foot" dir="auto">
      {text.value.player.edge(name, region)}
    </p>
  );
}
