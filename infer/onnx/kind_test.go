package onnx

import (
	"os"
	"strings"
	"testing"
)

// Files that are no ONNX model are called by their names.
func TestNotModel(t *testing.T) {
	file := func(path string) []byte {
		data, err := os.ReadFile("../../" + path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	model := file("testdata/models/conv.onnx")
	for name, c := range map[string]struct {
		data []byte
		want []string
	}{
		"new PyTorch": {file("graph/pytorch/testdata/pixel.pth"), []string{"a PyTorch file", "cmd/export -pth"}},
		"old PyTorch": {file("graph/pytorch/testdata/resnet_6blocks_old.pth"), []string{"a PyTorch file", "cmd/export -pth"}},
		"safetensors": {file("graph/pytorch/testdata/resnet_6blocks.safetensors"), []string{"a safetensors file", "cmd/export -pth"}},
		"pickle":      {[]byte("\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02K\x03e."), []string{"a Python pickle"}},
		"zip":         {[]byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), []string{"a zip archive"}},
		"image":       {file("testdata/models/conv.png"), []string{"a PNG image"}},
		"Markdown":    {file("README.md"), []string{"a text file"}},
		"Python":      {file("testdata/models/make.py"), []string{"a text file"}},
		"Git LFS":     {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), []string{"a Git LFS pointer", "git lfs pull"}},
		"web page":    {[]byte("\n<!DOCTYPE html>\n<html><title>404 Not Found</title>"), []string{"a web page", "download the file again"}},
		"XML":         {[]byte(`<?xml version="1.0"?><net name="G"/>`), []string{"an XML file"}},
		"ORT":         {[]byte("\x20\x00\x00\x00ORTM...."), []string{"ORT format"}},
		"empty":       {nil, []string{"an empty file"}},
		"cut":         {model[:len(model)/2], []string{"cut short", "download"}},
		"weights":     {[]byte{0, 1, 2, 3, 0xfe, 0xff, 9}, []string{"this is not an ONNX model: "}},
		"no network":  {appendInt(nil, 1, 8), []string{"this is not an ONNX model: it holds no network"}},
	} {
		_, err := Parse(c.data)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
		}
	}
	if kind, fix := Kind(model); kind != "" || fix != "" {
		t.Errorf("a model is %q, %q", kind, fix)
	}
}
