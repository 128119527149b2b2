#!/usr/bin/env bash
# Train the micro models that the repository ships, from nothing, and put them into models/micro/weights.
# About two hours on 2 cores; stopped anywhere, it goes on where it was. Data and runs lie under micro_models/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BIN="${VENV:-.venv}/bin"
ROOT=micro_models
OPTIONS=(--size micro --root "$ROOT" --set assets.count=2000 --set assets.shard_items=50 --set "features.base="
         --set "train.sequence=[micro_vae, micro_base, micro_embedder]")

for word in assets render matched_real shards train; do
  "$BIN/python" -m "flows.$word" "${OPTIONS[@]}"
done
for name in base embedder; do
  "$BIN/python" -m tasks.train.shipping "$ROOT/data/micro/train/micro_$name" "models/micro/weights/$name"
done
