"""Prints what TensorBoard's own reader returns for a folder of event files.

    go test ./train/report -run TestEventsAsTensorBoardReadsThem -events NEWFOLDER
    python train/report/testdata/tfevents.py NEWFOLDER > train/report/testdata/tfevents.json

The test compares its own files with that output, made with tensorboard 2.21.0 (the package alone,
without TensorFlow). For each tag it lists "step value" for each point: without the steps that the
resumed run repeats, and without the event that the killed process left incomplete.
"""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator as ea

keep_all = {k: 0 for k in (ea.SCALARS, ea.IMAGES, ea.TENSORS, ea.HISTOGRAMS, ea.AUDIO, ea.COMPRESSED_HISTOGRAMS)}
run = ea.EventAccumulator(sys.argv[1], size_guidance=keep_all)
run.Reload()

seen = {}
tags = run.Tags()
for tag in tags[ea.SCALARS]:
    seen[tag] = ["%d %s" % (e.step, ("%.6g" % e.value).replace("inf", "+Inf").replace("nan", "NaN")) for e in run.Scalars(tag)]
for tag in tags[ea.IMAGES]:
    seen[tag] = ["%d %dx%d, %d bytes" % (e.step, e.width, e.height, len(e.encoded_image_string)) for e in run.Images(tag)]
for tag in tags[ea.TENSORS]:
    plugin = run.SummaryMetadata(tag).plugin_data.plugin_name
    seen[tag] = ["%d %s: %s" % (e.step, plugin, e.tensor_proto.string_val[0].decode()) for e in run.Tensors(tag)]
json.dump(seen, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
print()
