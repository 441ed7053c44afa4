"""PyTorch's own export of the generator to ONNX, at the size of the images."""

import torch

import networks
import protocol


def prepare(spec):
    torch.set_num_threads(spec["threads"])
    net = networks.generator(spec).eval()
    example = torch.zeros(1, 3, spec["size"], spec["size"])
    torch.onnx.export(net, (example,), spec["peer_model"], input_names=["input"], output_names=["output"], dynamo=True,
                      external_data=False, verbose=False)
    return {"versions": {"PyTorch": torch.__version__}}, lambda: None


protocol.serve(prepare)
