"""Folders of pictures through a generator, files to files; or, as work "session", the generator alone on pictures in memory."""

import numpy as np

import backends
import protocol


def prepare(spec):
    run, versions = backends.load(spec)
    shape = (-1, 1, 3, spec["size"], spec["size"])
    checked = np.fromfile(spec["check_input"], np.float32).reshape(shape)
    np.concatenate([run(picture) for picture in checked]).tofile(spec["check_output"])
    if spec["work"] == "session":
        def work():
            for i in range(spec["pictures"]):
                run(checked[i % len(checked)])
    else:
        import PIL

        import pictures

        versions["Pillow"] = PIL.__version__

        def work():
            pictures.convert(run, spec["in"], spec["out"])

    return {"versions": versions}, work


protocol.serve(prepare)
