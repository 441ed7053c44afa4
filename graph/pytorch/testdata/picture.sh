#!/usr/bin/env bash
# Translates pictures by PyTorch, and by cmd/export and cmd/infer, with the same randomly initialised official checkpoint,
# and fails where any pixel is more than one level of 255 apart.
#
#     python -m pip install -r requirements.txt && bash picture.sh PYTHON PICTURE...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1
pictures=()
for picture in "${@:2}"; do pictures+=("$(realpath "$picture")"); done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$here/../../.."
"$python" "$here/picture.py" make "$out" "${pictures[@]}"
go run ./cmd/export -pth "$out/latest_net_G_A.pth" -netG resnet_9blocks -crop_size 256 -o "$out/G.onnx"
go run ./cmd/infer -model "$out/G.onnx" -in "$out/in" -out "$out/go"
"$python" "$here/picture.py" compare "$out"
