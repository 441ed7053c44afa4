package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	fixDownload = "Fix: download the file again"
	fixExport   = "Fix: convert it with `go run ./cmd/export -pth FILE -o FILE.onnx`"
	fixTheirs   = "Fix: convert it to ONNX with the program that wrote it"
)

// kinds are the files that people take for models, by their first bytes. An earlier entry wins.
var kinds = []struct {
	at           int
	start        string
	contains     string // somewhere in the file
	kind, remedy string
}{
	{4, "ORTM", "", "a model in ONNX Runtime's own ORT format", "Fix: use the .onnx file it was made from"},
	{4, "TFL3", "", "a TensorFlow Lite model", fixTheirs},
	{0, "version https://git-lfs", "", "a Git LFS pointer, which stands for the file", "Fix: run `git lfs pull` in its repository"},
	{0, "PK\x03\x04", "data.pkl", "a PyTorch file", fixExport},
	{0, "PK\x03\x04", "model.weights.h5", "a Keras model", fixTheirs},
	{0, "PK\x03\x04", "", "a zip archive", "Fix: unpack it"},
	{0, "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", "", "a PyTorch file", fixExport},
	{0, "\x80", "", "a Python pickle", "Fix: if PyTorch wrote it, convert it with `go run ./cmd/export -pth FILE -o FILE.onnx`"},
	{8, "{", "", "a safetensors file", fixExport},
	{0, "\x89HDF", "", "a Keras model or another HDF5 file", fixTheirs},
	{0, "GGUF", "", "a GGUF model", fixTheirs},
	{0, "\x1f\x8b", "", "a gzip archive", "Fix: unpack it"},
	{0, "7z\xbc\xaf", "", "a 7-Zip archive", "Fix: unpack it"},
	{0, "\x89PNG", "", "a PNG image", ""},
	{0, "\xff\xd8\xff", "", "a JPEG image", ""},
	{0, "GIF8", "", "a GIF image", ""},
	{8, "WEBP", "", "a WebP image", ""},
	{0, "II*\x00", "", "a TIFF image", ""},
	{0, "MM\x00*", "", "a TIFF image", ""},
	{4, "ftyp", "", "an image or a video", ""},
	{0, "%PDF", "", "a PDF document", ""},
}

// Kind returns what a file is, such as "a PNG image", and advice for those who took it for a model,
// which may be empty. Kind is empty for an unknown file. data is the file or its start.
func Kind(data []byte) (kind, fix string) {
	for _, k := range kinds {
		if len(data) > k.at && bytes.HasPrefix(data[k.at:], []byte(k.start)) && (k.contains == "" || bytes.Contains(data, []byte(k.contains))) {
			return k.kind, k.remedy
		}
	}
	head := data[:min(len(data), 1024)]
	binary := func(r rune) bool { return r == utf8.RuneError || r < ' ' && !strings.ContainsRune("\t\r\n\f", r) }
	switch text := strings.ToLower(string(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"))); {
	case len(data) == 0:
		return "an empty file", fixDownload
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"):
		return "a web page", fixDownload + "; the page may ask for a login or confirmation"
	case strings.HasPrefix(text, "<"):
		return "an XML file", ""
	case !bytes.ContainsFunc(head, binary), len(head) == 1024 && !bytes.ContainsFunc(head[:1024-utf8.UTFMax], binary): // may end in a character
		return "a text file", fixDownload + ", or name another one"
	}
	return "", ""
}

// notModel returns the error for a file that is no ONNX model; err is what its parser says.
func notModel(data []byte, err error) error {
	kind, fix := Kind(data)
	switch {
	case kind != "" && fix != "":
		return fmt.Errorf("this is %s, not an ONNX model\n%s", kind, fix)
	case kind != "":
		return fmt.Errorf("this is %s, not an ONNX model", kind)
	case errors.Is(err, io.ErrUnexpectedEOF) && data[0] == 8: // the version of the format, which is first in a model
		return fmt.Errorf("the ONNX model is cut short: it has %d bytes and needs more\n%s", len(data), fixDownload)
	}
	return fmt.Errorf("this is not an ONNX model: %w", err)
}
