"""A generator ready to run in one of several libraries: load(spec) gives a function from one picture to another, both float32 arrays
[1, 3, H, W] in [-1, 1], and the version of the library. Each library is imported only where it is asked for."""

import os

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # else processes for compiling stay and wait


def load(spec):
    contender = spec["contender"]
    if contender.startswith("pytorch"):
        return pytorch(spec, contender)
    if contender == "onnxruntime":
        return onnxruntime(spec)
    if contender.startswith("openvino"):
        return openvino(spec)
    raise ValueError(f"contender {contender!r} is unknown")


def pytorch(spec, contender):
    import torch

    import networks

    torch.set_num_threads(spec["threads"])
    torch.set_flush_denormal(True)
    layout = torch.channels_last if "channels_last" in contender else torch.contiguous_format
    net = networks.generator(spec).eval().requires_grad_(False).to(memory_format=layout)
    if "compile" in contender:
        import torch._inductor.config

        torch._inductor.config.freezing = True  # weights may be laid out for their convolutions, since they don't change
        net = torch.compile(net)

    def run(picture):
        with torch.inference_mode():
            return net(torch.from_numpy(picture).contiguous(memory_format=layout)).numpy()

    return run, {"PyTorch": torch.__version__}


def onnxruntime(spec):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(spec["peer_model"], options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda picture: session.run(None, {name: picture})[0], {"ONNX Runtime from Python": ort.__version__}


def openvino(spec):
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(core.read_model(spec["peer_model"]), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": spec["threads"], "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda picture: request.infer([picture])[0], {"OpenVINO": ov.__version__}
