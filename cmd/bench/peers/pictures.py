"""Pictures from files to arrays and back."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image


def read(path):
    """A picture as float32 [1, 3, H, W] in [-1, 1]."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32)
    return np.ascontiguousarray((pixels / 127.5 - 1).transpose(2, 0, 1)[None])


def write(path, picture):
    """JPEG of quality 95, as this project writes it."""
    pixels = np.clip(np.rint((picture[0].transpose(1, 2, 0) + 1) * 127.5), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=95)


def convert(run, source, target):
    """Every picture of a folder. One thread reads ahead and one writes, while this one runs the generator."""
    os.makedirs(target, exist_ok=True)
    names = sorted(os.listdir(source))
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = [reader.submit(read, os.path.join(source, name)) for name in names[:2]]
        written = []
        for i, name in enumerate(names):
            picture = ahead.pop(0).result()
            if i + 2 < len(names):
                ahead.append(reader.submit(read, os.path.join(source, names[i + 2])))
            # A library may use the memory of its output again in the next run.
            written.append(writer.submit(write, os.path.join(target, name), run(picture).copy()))
            if len(written) > 2:
                written.pop(0).result()
        for w in written:
            w.result()
