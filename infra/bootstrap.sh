#!/usr/bin/env bash
# Set-up for `make demo` and `make test`: a virtual environment with every version pinned, and the few system libraries Open3D needs.
# Safe to run again: does nothing when pyproject.toml and the constraints have not changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV="${VENV:-.venv}"
PYTHON="${PYTHON:-python3}"
LIBRARIES=(libusb-1.0-0 libgl1 libegl1 libgomp1 libx11-6)

"$PYTHON" - <<'PY' || { echo "bootstrap: atelier3d needs Python 3.11 or 3.12: set PYTHON=/path/to/python3.11" >&2; exit 1; }
import sys
sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))
PY

missing=()
if command -v dpkg >/dev/null; then
  for library in "${LIBRARIES[@]}"; do
    dpkg -s "$library" >/dev/null 2>&1 || missing+=("$library")
  done
fi
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then
    echo "bootstrap: installing ${missing[*]}"
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
  else
    echo "bootstrap: Open3D needs system libraries that are not installed. Run: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi

stamp="$VENV/.bootstrapped"
want="$(cat pyproject.toml infra/constraints.txt infra/bootstrap.sh | sha256sum | cut -d' ' -f1)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
  exit 0
fi
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
log="$VENV/bootstrap.log"
echo "bootstrap: installing pinned packages into $VENV (about 2 minutes; log: $log)"
# GroundingDINO asks for a second OpenCV, with windows, which would replace the one without: so it and what it imports come without asking.
PERCEPTION=(groundingdino-py segment-anything lpips addict pycocotools timm yapf)
install() { "$VENV/bin/python" -m pip install --disable-pip-version-check -c infra/constraints.txt "$@"; }
if ! { install -e '.[dev]' && install --no-deps "${PERCEPTION[@]}"; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "bootstrap: the installation failed; the whole log is $log" >&2
  exit 1
fi
echo "$want" >"$stamp"
