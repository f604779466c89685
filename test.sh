#!/bin/sh
# The tests on any Debian machine: installs what is missing (as root), then `make test`.
set -eu
cd "$(dirname "$0")"

sh .ci/install-missing chromium tshark git
exec make test
