#!/bin/sh
# Has the ONNX checker look at a file of every layer kind and architecture:
#
#     sh graph/onnxgraph/testdata/check.sh
#
# It needs Go, Python 3 and the network, and leaves nothing behind. With PYTHON set it uses that
# interpreter, which must have the packages of check.txt. FILTERS sets the networks' width (64 is
# that of the paper and takes 3 GB).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${PYTHON:-}" ]; then
	python3 -m venv "$work/venv"
	PYTHON=$work/venv/bin/python
	"$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$here/check.txt"
fi
mkdir "$work/models"
cd "$here/.."
go test -count=1 -run '^TestDump$' . -dump "$work/models" -dump_filters "${FILTERS:-4}"
"$PYTHON" "$here/check.py" "$work/models"
