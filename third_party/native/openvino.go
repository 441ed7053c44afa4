package native

// The set [OpenVINO]: ONNX Runtime with OpenVINO, which lies beside it. It takes the place of the usual ONNX Runtime;
// TensorFlow is the usual one.
var openVINOWheels = []Wheel{{
	Library: onnxRuntime, With: OpenVINO, Title: "ONNX Runtime", Version: "1.24.1", Package: "onnxruntime-openvino", GOOS: "linux", GOARCH: "amd64",
	Tag: "manylinux_2_28_x86_64", Python: "3.11", License: "MIT AND Apache-2.0", Tried: true,
	SHA256: "3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8", Bytes: 84430935,
	parts: openVINOParts(),
}}

func openVINOParts() []part {
	parts := []part{
		// the first is what a search for ONNX Runtime finds
		{"onnxruntime/capi/libonnxruntime.so.1.24.1", "lib/libonnxruntime.so.1.24.1"},
		{"onnxruntime/LICENSE", "LICENSE"},
		{"onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"},
	}
	for _, name := range []string{
		"onnxruntime_providers_shared.so", "onnxruntime_providers_openvino.so", "openvino.so.2541", "openvino_onnx_frontend.so.2541",
		"openvino_auto_plugin.so", "openvino_hetero_plugin.so", "openvino_intel_cpu_plugin.so", "openvino_intel_gpu_plugin.so",
		"openvino_intel_npu_plugin.so", "tbb.so.12", "tbbmalloc.so",
	} {
		parts = append(parts, part{"onnxruntime/capi/lib" + name, "lib/lib" + name})
	}
	return parts
}
