#!/usr/bin/env bash
# Translates images with PyTorch and with cmd/export and cmd/infer, using the same randomly initialised official
# checkpoint, and fails if any pixel differs by more than one level of 255.
#
#     python -m pip install -r requirements.txt && bash images.sh PYTHON IMAGE...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1
images=()
for image in "${@:2}"; do images+=("$(realpath "$image")"); done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$here/../../.."
"$python" "$here/images.py" make "$out" "${images[@]}"
go run ./cmd/export -pth "$out/latest_net_G_A.pth" -netG resnet_9blocks -crop_size 256 -o "$out/G.onnx"
go run ./cmd/infer -model "$out/G.onnx" -in "$out/in" -out "$out/go"
"$python" "$here/images.py" compare "$out"
