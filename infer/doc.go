// Package infer sends pictures through a generator: a [Model] translates one picture, a [Batch] the pictures of folders.
//
//	model, err := infer.Open("G_AB.onnx", nil)
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	winter, err := model.Translate(ctx, summer) // image.Image to image.Image, of the same size
//
// The model is an ONNX file. One of ours says about itself what pictures it takes; of any other picture-to-picture model the shapes,
// the element types and the last operator are asked, and the [Options] say what these do not. [Model.Info] says what was found out.
//
// It runs in ONNX Runtime, a shared library that is looked for in this order:
// Options.Library, the environment variable CYCLEGAN_ONNXRUNTIME, the user's cache, the system.
// `go run ./third_party install` in the cyclegan checkout puts it into the cache, and with `-with cuda` or `-with openvino` the build for
// Options.Provider "cuda" or "openvino". "auto" takes the best that works, and Info.Refused says why it is not a better one:
//
//	model, err := infer.Open("G_AB.onnx", &infer.Options{Provider: "auto"})
//
// The package prints nothing, and keeps nothing between models but the library, which closes with the last one.
package infer
