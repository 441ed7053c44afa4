"""A generator ready to run in one of several libraries.

load(spec) returns a function from one image to another, both float32 arrays [1, 3, H, W] in [-1, 1], and the version of the
library. A library is only imported if the contender uses it.
"""

import os

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # otherwise idle compiler processes stay


def load(spec):
    contender = spec["contender"]
    if contender.startswith("pytorch"):
        return pytorch(spec, contender)
    if contender == "onnxruntime":
        return onnxruntime(spec)
    if contender.startswith("openvino"):
        return openvino(spec)
    raise ValueError(f"unknown contender {contender!r}")


def pytorch(spec, contender):
    import torch

    import networks

    torch.set_num_threads(spec["threads"])
    torch.set_flush_denormal(True)
    layout = torch.channels_last if "channels_last" in contender else torch.contiguous_format
    net = networks.generator(spec).eval().requires_grad_(False).to(memory_format=layout)
    if "compile" in contender:
        import torch._inductor.config

        torch._inductor.config.freezing = True  # weights are constant, so they can be laid out for their convolutions
        net = torch.compile(net)

    def run(image):
        with torch.inference_mode():
            return net(torch.from_numpy(image).contiguous(memory_format=layout)).numpy()

    return run, {"PyTorch": torch.__version__}


def onnxruntime(spec):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(spec["peer_model"], options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})[0], {"ONNX Runtime from Python": ort.__version__}


def openvino(spec):
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(core.read_model(spec["peer_model"]), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": spec["threads"], "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda image: request.infer([image])[0], {"OpenVINO": ov.__version__}
