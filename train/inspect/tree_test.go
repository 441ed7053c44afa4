package inspect

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cyclegan/train/dataset"
)

// noise returns a w x h image that differs for every n.
func noise(n, w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	s := uint32(n)*7919 + 1
	for i := range m.Pix {
		s = s*1664525 + 1013904223
		m.Pix[i] = byte(s >> 24)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

// encoder reuses its memory, which is most of the cost of a small image.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &encoderBuffers{}}

type encoderBuffers struct{ pool sync.Pool }

func (b *encoderBuffers) Get() *png.EncoderBuffer {
	e, _ := b.pool.Get().(*png.EncoderBuffer)
	return e
}

func (b *encoderBuffers) Put(e *png.EncoderBuffer) { b.pool.Put(e) }

func pngBytes(m image.Image) []byte {
	var b bytes.Buffer
	if err := encoder.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegBytes(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// small returns options for small images in root.
func small(root string) dataset.Options {
	o := dataset.DefaultOptions()
	o.Dataroot, o.LoadSize, o.CropSize, o.BatchSize, o.Seed = root, 12, 8, 2, 5
	return o
}

func open(t testing.TB, o dataset.Options) *dataset.Dataset {
	t.Helper()
	d, err := dataset.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// goodFiles is a data set without findings. The images are encoded once.
var goodFiles = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	for k, f := range []string{"trainA", "trainB", "testA", "testB"} {
		n := fewTrain
		if k > 1 {
			n = fewTest
		}
		for i := range n {
			files[fmt.Sprintf("%s/%02d.png", f, i)] = pngBytes(noise(1000*k+i, 12, 12))
		}
	}
	return files
})

// good writes goodFiles to a new root.
func good(t testing.TB) string { return fileTree(goodFiles()).folder(t) }

// fileTree holds the files of a data set before they are written. Most tests write them as a zip
// file: that is one file instead of hundreds.
type fileTree map[string][]byte

func (f fileTree) copy(from, to string)           { f[to] = f[from] }
func (f fileTree) put(name string, m image.Image) { f[name] = pngBytes(m) }

// remove deletes a file or a folder.
func (f fileTree) remove(name string) {
	maps.DeleteFunc(f, func(n string, _ []byte) bool { return n == name || strings.HasPrefix(n, name+"/") })
}

// reshape replaces the first n images of a folder by others of another size.
func (f fileTree) reshape(folder string, n, w, h int) {
	first := 10000 + int(crc32.ChecksumIEEE([]byte(folder))%1000)*1000 // differs between folders
	for i := range n {
		f.put(fmt.Sprintf("%s/%02d.png", folder, i), noise(first+i, w, h))
	}
}

// linked is the prefix of a link's content; its target follows.
const linked = "a link to "

func (f fileTree) link(to, at string) { f[at] = []byte(linked + to) }

// write writes a zip file, or a folder if there are links.
func (f fileTree) write(t testing.TB) string {
	t.Helper()
	for _, data := range f {
		if strings.HasPrefix(string(data), linked) {
			return f.folder(t)
		}
	}
	return f.zip(t)
}

func (f fileTree) folder(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range f {
		if to, ok := strings.CutPrefix(string(data), linked); ok {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o777); err != nil {
				t.Fatal(err)
			}
			link(t, filepath.FromSlash(to), filepath.Join(root, name))
		} else {
			write(t, filepath.Join(root, name), data)
		}
	}
	return root
}

func (f fileTree) zip(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "data.zip")
	write(t, path, b.Bytes())
	return path
}

func link(t testing.TB, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Skip("symbolic links are not supported: ", err)
	}
}
