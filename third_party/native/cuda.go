package native

import "strings"

// The set [CUDA]: the builds of TensorFlow and of ONNX Runtime that are made for CUDA 12, and NVIDIA's own libraries, which both use.
//
// TensorFlow looks for NVIDIA's libraries in ../nvidia beside its own folder, and they look for each other beside theirs,
// so that the folders keep the names that they have in a Python installation and no environment variable is needed.
// ONNX Runtime's CUDA provider looks nowhere by itself: package session opens the libraries for it, one by one, by their paths.
//
// The versions are those that TensorFlow 2.18 asks for. Its libnccl is left out: it serves several GPUs, which the training does not use.
var cudaWheels = []Wheel{
	cudaTensorFlow(),
	{
		Library: onnxRuntime, With: CUDA, Title: "ONNX Runtime", Version: "1.24.4", Package: "onnxruntime-gpu", GOOS: "linux", GOARCH: "amd64",
		Tag: "manylinux_2_28_x86_64", Python: "3.11", License: "MIT",
		SHA256: "c2a698659271c28220b3f56fe9b63f70eae3b3c36afa544201bf750b929a36dc", Bytes: 252761835,
		parts: []part{
			{"onnxruntime/capi/libonnxruntime.so.1.24.4", "lib/libonnxruntime.so.1.24.4"},
			{"onnxruntime/capi/libonnxruntime_providers_shared.so", "lib/libonnxruntime_providers_shared.so"},
			{"onnxruntime/capi/libonnxruntime_providers_cuda.so", "lib/libonnxruntime_providers_cuda.so"},
			{"onnxruntime/capi/libonnxruntime_providers_tensorrt.so", "lib/libonnxruntime_providers_tensorrt.so"},
			{"onnxruntime/LICENSE", "LICENSE"},
			{"onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"},
		},
	},
	nvidiaWheel("CUDA runtime", "cuda_runtime", "12.5.82", "3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115", 895707, "libcudart.so.12"),
	nvidiaWheel("cuBLAS", "cublas", "12.5.3.2", "ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b", 363313169, "libcublasLt.so.12", "libcublas.so.12"),
	nvidiaWheel("cuDNN", "cudnn", "9.3.0.75", "9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d", 577163502, "libcudnn.so.9",
		"libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9", "libcudnn_adv.so.9", "libcudnn_heuristic.so.9",
		"libcudnn_engines_precompiled.so.9", "libcudnn_engines_runtime_compiled.so.9"),
	nvidiaWheel("cuFFT", "cufft", "11.2.3.61", "9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8", 192524114, "libcufft.so.11"),
	nvidiaWheel("cuRAND", "curand", "10.3.6.82", "2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536", 56309107, "libcurand.so.10"),
	nvidiaWheel("nvJitLink", "nvjitlink", "12.5.82", "f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212", 21298879, "libnvJitLink.so.12"),
	nvidiaWheel("cuSPARSE", "cusparse", "12.5.1.3", "016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752", 217558979, "libcusparse.so.12"),
	nvidiaWheel("cuSOLVER", "cusolver", "11.6.3.83", "93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b", 130341232, "libcusolver.so.11"),
	nvidiaWheel("CUPTI", "cuda_cupti", "12.5.82", "bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953", 13811507, "libcupti.so.12"),
	nvidiaWheel("NVRTC", "cuda_nvrtc", "12.5.82", "3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd", 24873108, "libnvrtc.so.12", "libnvrtc-builtins.so.12.5"),
	cudaCompiler(),
}

// nvidiaFolder is the folder of NVIDIA's libraries in the cache, with one folder for each of them.
const nvidiaFolder = "nvidia-12.5-linux-amd64"

func cudaTensorFlow() Wheel {
	w := tensorFlowWheel("linux", "amd64", "tensorflow", "manylinux_2_17_x86_64", false,
		"c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828", 615510377)
	w.With = CUDA
	w.links = append(w.links, link{"nvidia", "../" + nvidiaFolder})
	return w
}

// nvidiaWheel is one of NVIDIA's packages, of which the files of its lib folder are taken.
func nvidiaWheel(title, name, version, sha256 string, bytes int64, files ...string) Wheel {
	w := Wheel{
		Library: "nvidia-" + name, With: CUDA, Title: "NVIDIA " + title, Version: version, Package: "nvidia-" + strings.ReplaceAll(name, "_", "-") + "-cu12",
		GOOS: "linux", GOARCH: "amd64", Tag: "manylinux2014_x86_64", Python: "3", License: "LicenseRef-NVIDIA-Proprietary",
		SHA256: sha256, Bytes: bytes, dir: nvidiaFolder + "/" + name,
		parts: []part{{"nvidia_" + name + "_cu12-" + version + ".dist-info/License.txt", "LICENSE"}},
	}
	if name == "cuda_nvrtc" {
		w.dir = nvidiaFolder + "/nvrtc" // where cuDNN looks for it
	}
	for _, f := range files {
		w.parts = append(w.parts, part{"nvidia/" + name + "/lib/" + f, "lib/" + f})
	}
	return w
}

// cudaCompiler is what TensorFlow turns its generated kernels into machine code with.
func cudaCompiler() Wheel {
	w := nvidiaWheel("compiler", "cuda_nvcc", "12.5.82", "b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0", 22468537)
	w.parts = append(w.parts,
		part{"nvidia/cuda_nvcc/bin/ptxas", "bin/ptxas"},
		part{"nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc", "nvvm/libdevice/libdevice.10.bc"})
	return w
}
