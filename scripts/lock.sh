#!/usr/bin/env bash
# Write requirements.lock and requirements-test.lock anew from setup.cfg; needs uv. Pins stay unless given: --upgrade.
# Extras stay in the pins (coverage[toml]==…): without them pip looks for the newest release of what a dependency asks
# for by an extra, and refuses it for want of a hash.
set -euo pipefail
cd "$(dirname "$0")/.."

compile=(uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-header --python-version 3.11)
"${compile[@]}" "$@" setup.cfg -o requirements.lock
"${compile[@]}" "$@" --extra test setup.cfg -o requirements-test.lock
