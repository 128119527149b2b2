#!/usr/bin/env bash
# The tables of Realiz3D at size micro: 400 assets, real pictures by the shipped base, then every row over three seeds, two runs at a time: hours.
# A name or more of data_specs/suites makes these tables alone. Stopped anywhere, it goes on where it was. All lies under realiz3d_tables/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BIN="${VENV:-.venv}/bin"
OPTIONS=(--size micro --root realiz3d_tables --set assets.count=400 --set matched_real.source=base_model)

for word in assets render matched_real shards features; do
  "$BIN/python" -m "flows.$word" "${OPTIONS[@]}"
done
SUITES=("$@")
[ $# -gt 0 ] || SUITES=(realiz3d_texturing realiz3d_ablation realiz3d_multiview realiz3d_layers)
for suite in "${SUITES[@]}"; do
  "$BIN/python" -m flows.evaluate "${OPTIONS[@]}" --suite "$suite"
done
