#!/bin/sh
# The demo on any Debian machine: installs what is missing (as root), then `make demo`.
set -eu
cd "$(dirname "$0")"

sh .ci/install-missing
exec make demo
