#!/usr/bin/env bash
# Exports every generator in this folder as safetensors with cmd/export and loads the files strictly into PyTorch.
#
#     python -m pip install -r requirements.txt && bash load.sh [PYTHON]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$here/../../.."
for file in graph/pytorch/testdata/resnet_*.{pth,safetensors} graph/pytorch/testdata/unet_*.pth; do
	name=$(basename "${file%.*}")
	go run ./cmd/export -pth "$file" -o "$out/$name.safetensors" >"$out/log" 2>&1 || { cat "$out/log"; exit 1; }
done
"${1:-python}" "$here/load.py" "$out"
