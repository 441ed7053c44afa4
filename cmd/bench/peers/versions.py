"""Prints as JSON which of the peers are installed, and their versions."""

import importlib.metadata
import json
import platform

PACKAGES = {
    "PyTorch": "torch",
    "TensorFlow": "tensorflow-cpu",
    "ONNX Runtime from Python": "onnxruntime",
    "OpenVINO": "openvino",
    "NumPy": "numpy",
    "Pillow": "pillow",
}

versions = {"Python": platform.python_version()}
for name, package in PACKAGES.items():
    try:
        versions[name] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(versions))
