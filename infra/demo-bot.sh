#!/usr/bin/env bash
# Talks in the chat of the demo, so that it is alive: says one line after another by the integrations API, until it is ended.
# The demo starts it. Usage: infra/demo-bot.sh ADDRESS TOKEN_FILE, with the HTTP address of an origin, or of an edge with
# forward_admin, and a file with an access token that may send messages.
set -euo pipefail

readonly EVERY_S=15
readonly LINES=(
  'Hello! I am a bot: a program with an *access token*, made on the admin page under Integrations.'
  'What I say goes to **every edge**. Open the page of the other one beside this and compare.'
  'Write something yourself: you need no account, and may choose your name.'
  'Links work, too: https://owncast.online has bots and clients that work with this server as they are.'
  'The clock in the picture shows how late you see it. 🕰️'
  'Stop the first edge: whoever watches the second one notices nothing.'
  'Point OBS at the RTMP server that the demo names, and stop its test picture: then it is your broadcast. 🎬'
)

address=$1
token=$(<"$2")
for ((n = 0; ; n = (n + 1) % ${#LINES[@]})); do
  # Refused while the store is away, or once somebody deleted the token: the demo goes on without.
  jq -n --arg body "${LINES[n]}" '{ body: $body }' |
    curl -fsS -m 5 -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
      --data-binary @- "$address/api/integrations/chat/send" || true
  sleep "$EVERY_S"
done
