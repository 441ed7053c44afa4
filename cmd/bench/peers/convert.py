"""Images through a generator, files to files.

As a resident process it converts the whole folder in each turn. As `convert.py SPEC IN OUT` it converts one image and exits.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

import backends


def read(path):
    """An image as float32 [1, 3, H, W] in [-1, 1]."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32)
    return np.ascontiguousarray((pixels / 127.5 - 1).transpose(2, 0, 1)[None])


def write(path, image):
    """JPEG of quality 95, as this project writes it."""
    pixels = np.clip(np.rint((image[0].transpose(1, 2, 0) + 1) * 127.5), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=95)


def convert(run, source, target):
    """Converts a folder. One thread reads ahead and one writes, while this one runs the generator."""
    os.makedirs(target, exist_ok=True)
    names = sorted(os.listdir(source))
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = [reader.submit(read, os.path.join(source, name)) for name in names[:2]]
        written = []
        for i, name in enumerate(names):
            image = ahead.pop(0).result()
            if i + 2 < len(names):
                ahead.append(reader.submit(read, os.path.join(source, names[i + 2])))
            # A library may reuse the memory of its output in the next run.
            written.append(writer.submit(write, os.path.join(target, name), run(image).copy()))
            if len(written) > 2:
                written.pop(0).result()
        for w in written:
            w.result()


def prepare(spec):
    run, versions = backends.load(spec)
    checked = np.fromfile(spec["check_input"], np.float32).reshape(-1, 1, 3, spec["size"], spec["size"])
    np.concatenate([run(image) for image in checked]).tofile(spec["check_output"])
    return {"versions": versions}, lambda: convert(run, spec["in"], spec["out"])


if len(sys.argv) > 1:
    spec, source, target = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    write(target, backends.load(spec)[0](read(source)))
else:
    import protocol

    protocol.serve(prepare)
