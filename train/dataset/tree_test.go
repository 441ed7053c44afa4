package dataset

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// goodFiles are pictures that nothing is wrong with, encoded once.
var goodFiles = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	for k, f := range []string{"trainA", "trainB", "testA", "testB"} {
		n := fewTrain
		if k > 1 {
			n = fewTest
		}
		for i := range n {
			var b bytes.Buffer
			if err := encoder.Encode(&b, picture(1000*k+i, 12, 12)); err != nil {
				panic(err)
			}
			files[fmt.Sprintf("%s/%02d.png", f, i)] = b.Bytes()
		}
	}
	return files
})

// good writes them into a new root.
func good(t testing.TB) string { return fileTree(goodFiles()).folder(t) }

// fileTree is the files of a dataset before they are written, which most cases do
// as a zip file: that is one file for the disk instead of hundreds.
type fileTree map[string][]byte

func (f fileTree) copy(from, to string) { f[to] = f[from] }
func (f fileTree) put(name string, m image.Image) {
	var b bytes.Buffer
	if err := encoder.Encode(&b, m); err != nil {
		panic(err)
	}
	f[name] = b.Bytes()
}

// remove takes away a file, or a folder.
func (f fileTree) remove(name string) {
	maps.DeleteFunc(f, func(n string, _ []byte) bool { return n == name || strings.HasPrefix(n, name+"/") })
}

// reshape makes the first n pictures of a folder anew, in another size.
func (f fileTree) reshape(folder string, n, w, h int) {
	first := 10000 + int(crc32.ChecksumIEEE([]byte(folder))%1000)*1000 // no two folders alike
	for i := range n {
		f.put(fmt.Sprintf("%s/%02d.png", folder, i), picture(first+i, w, h))
	}
}

// linked marks the entry of a link, and what it leads to follows.
const linked = "a link to "

func (f fileTree) link(to, at string) { f[at] = []byte(linked + to) }

// write makes a zip file, or a folder where there are links.
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
		t.Skip("no links here: ", err)
	}
}
