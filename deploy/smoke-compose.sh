#!/usr/bin/env bash
# Builds the containers, starts them, and sends events while each part is killed in turn: all of
# them have to arrive. Needs a Docker engine with compose; takes about two minutes.
#   FOR_S=60     how long events are sent
#   KEEP=1       leaves the containers running
#   COMPOSE=…    another command than `docker compose`
set -euo pipefail
cd "$(dirname "$0")"
export COMPOSE_PROJECT_NAME=webhook-hub-smoke COMPOSE_PROFILES=sink
export HUB_DOMAIN=localhost HUB_HTTPS_PORT=${HUB_HTTPS_PORT:-18443} HUB_HTTP_PORT=${HUB_HTTP_PORT:-18081}
export HUB_SINK_PORT=${HUB_SINK_PORT:-19009}
for_s=${FOR_S:-60}
compose() { ${COMPOSE:-docker compose} "$@"; }
work=$(mktemp -d)
finish() {
  [ -n "${KEEP:-}" ] || compose down --volumes >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

./make-secrets.sh
compose up --build --wait --detach
compose exec -T proxy cat /data/caddy/pki/authorities/local/root.crt >"$work/root.crt"

HUB_ADMIN_KEY_FILE=secrets/admin_key "${PYTHON:-python3}" smoke.py \
  --url "https://localhost:$HUB_HTTPS_PORT" --ca "$work/root.crt" \
  --sink http://sink:9009 --sink-here "http://127.0.0.1:$HUB_SINK_PORT" \
  --events $((for_s * 5)) --for "$for_s" --patience 180 &
smoke=$!
for part in worker server valkey postgres proxy; do
  sleep $((for_s / 6))
  echo "smoke: kill -9 of everything in $part"
  # all but the container's init and this shell; the restart policy brings it back
  compose exec -T "$part" sh -c 'kill -9 -1' || true
done
wait "$smoke"
echo "smoke: every part was killed, and nothing was lost."
