#!/usr/bin/env bash
# The whole chain on this machine, its outputs tracked by DVC. The last line printed is `report: PATH`.
# usage: infra/demo.sh SIZE [FOLDER OF MESHES]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SIZE="$1"
ASSETS="${2:-}"
BIN="${VENV:-.venv}/bin"
WORDS=(assets render matched_real align shards features train evaluate report)

if [ -z "$ASSETS" ]; then
  ROOT=.
  "$BIN/python" -m flows.full --size "$SIZE"
  "$BIN/dvc" commit --quiet --force --with-deps "report@$SIZE"
else
  # A folder of one's own meshes gets its own root: the parameters that dvc.yaml names describe the procedural world.
  ROOT="demo/$(basename "$ASSETS")"
  "$BIN/python" -m flows.full --size "$SIZE" --root "$ROOT" --set assets.source=folder --set "assets.location=$ASSETS"
  "$BIN/dvc" add --quiet "${WORDS[@]/#/$ROOT/data/$SIZE/}"
fi
echo "report: $ROOT/data/$SIZE/report/index.html"
