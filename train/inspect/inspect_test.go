package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/train/dataset"

	"golang.org/x/image/tiff"
)

func inspect(t testing.TB, o dataset.Options, opt Options) *Result {
	t.Helper()
	in, err := Dataset(context.Background(), open(t, o), opt)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (r *Result) finding(kind string) *Finding {
	for k := range r.Findings {
		if r.Findings[k].Kind == kind {
			return &r.Findings[k]
		}
	}
	return nil
}

func copyFile(t testing.TB, root, from, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, from))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, to), data)
}

// A group has the most severe kind that two of its members have.
func TestIdenticalGroups(t *testing.T) {
	root := good(t)
	copyFile(t, root, "trainA/00.png", "trainA/again.png")
	copyFile(t, root, "trainA/01.png", "testA/again.png")
	copyFile(t, root, "trainB/02.png", "testA/other.png")
	for _, f := range []string{"trainA/3.png", "testA/3.png", "trainB/3.png", "trainB/three.png"} {
		copyFile(t, root, "testB/03.png", f)
	}
	// The three files have one size and the same beginning, but only two are identical.
	long := make([]byte, 200<<10)
	copy(long, pngBytes(noise(77, 12, 12)))
	write(t, filepath.Join(root, "trainA", "long1.png"), long)
	write(t, filepath.Join(root, "trainB", "long3.png"), long)
	long[len(long)-1]++
	write(t, filepath.Join(root, "trainA", "long2.png"), long)

	want := []string{
		"across_domains trainA/3.png = trainB/3.png = trainB/three.png = testA/3.png = testB/03.png",
		"across_domains trainA/long1.png = trainB/long3.png",
		"across_domains trainB/02.png = testA/other.png",
		"across_train_test trainA/01.png = testA/again.png",
		"within_set trainA/00.png = trainA/again.png",
	}
	for _, threads := range []int{0, 1, 7} {
		for _, where := range []string{root, zipOf(t, root)} {
			for _, decode := range []bool{false, true} {
				o := small(where)
				o.NumThreads = threads
				in := inspect(t, o, Options{Decode: decode})
				var got []string
				for _, g := range in.Identical {
					got = append(got, fmt.Sprint(g.Kind, " ", g))
				}
				if !slices.Equal(got, want) {
					t.Fatalf("decode %v, %d threads:\n%s", decode, threads, strings.Join(got, "\n"))
				}
				if p := in.finding("leak"); p == nil || p.Title != "test images are also training images: 2 of the 53 in testA, 1 of the 50 in testB" {
					t.Errorf("leak: %+v", p)
				}
				if p := in.finding("repeats"); p == nil || !strings.HasSuffix(p.Title, ": 1 of the 104 in trainA, 1 of the 103 in trainB") {
					t.Errorf("repeats: %+v", p)
				}
			}
		}
	}
}

// opened counts the bytes that are read.
type opened struct {
	fs.FS
	bytes *int64
}

func (o opened) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return counted{f, o.bytes}, nil
}

func (o opened) Stat(name string) (fs.FileInfo, error) { return fs.Stat(o.FS, name) }

type counted struct {
	fs.File
	bytes *int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	*c.bytes += int64(n)
	return n, err
}

func TestReadsLittle(t *testing.T) {
	root := t.TempDir()
	for i := range 2 {
		write(t, filepath.Join(root, "trainB", fmt.Sprintf("%d.png", i)), pngBytes(noise(100+i, 12, 12)))
	}
	for i := range 8 { // uncompressed: one size, different beginnings
		long := make([]byte, 1<<20)
		copy(long, pngBytes(noise(i, 12, 12)))
		if i == 7 {
			long = long[:len(long)-5] // a size of its own
		}
		write(t, filepath.Join(root, "trainA", fmt.Sprintf("%d.png", i)), long)
	}
	o := small(root)
	o.NumThreads = 1
	d := open(t, o)
	var read int64
	trainA := d.Folders()[0]
	trainA.FS = opened{trainA.FS, &read}
	in, err := Dataset(context.Background(), d, Options{})
	if err != nil || len(in.Identical) != 0 {
		t.Fatal(in, err)
	}
	if read != 7*64<<10 {
		t.Errorf("read %d bytes, want 64 KiB of 7 files", read)
	}
}

// Every damaged file has a reason, and every file is counted.
func TestInspectDamagedFiles(t *testing.T) {
	var tiffBytes bytes.Buffer
	if err := tiff.Encode(&tiffBytes, noise(1, 12, 12), nil); err != nil {
		t.Fatal(err)
	}
	whole := [][]byte{pngBytes(noise(1, 12, 12)), jpegBytes(noise(2, 12, 12)), tiffBytes.Bytes()}
	r := rand.New(rand.NewPCG(1, 2))
	files := fileTree(maps.Clone(goodFiles()))
	const n = 600
	for i := range n {
		data := bytes.Clone(whole[i%3])
		for range 1 + r.IntN(4) {
			data[r.IntN(len(data))] = byte(r.Uint32())
		}
		files[fmt.Sprintf("trainA/damaged%d.png", i)] = data[:r.IntN(len(data)+1)]
	}
	in := inspect(t, small(files.zip(t)), Options{Decode: true})
	if in.Sets[0].Count+len(in.Unreadable) != fewTrain+n || len(in.Unreadable) < n/2 {
		t.Errorf("%d readable, %d unreadable, want %d in all", in.Sets[0].Count, len(in.Unreadable), fewTrain+n)
	}
	for _, s := range in.Unreadable {
		if s.Err.Error() == "" {
			t.Errorf("%s: no reason", s.Name)
		}
	}
}

// Thousands of copies of one image are one large group.
func TestInspectManyCopies(t *testing.T) {
	files := fileTree(maps.Clone(goodFiles()))
	const n = 5000
	for i := range n {
		files.copy("trainA/00.png", fmt.Sprintf("trainA/n%d.png", i))
	}
	in := inspect(t, small(files.zip(t)), Options{})
	if len(in.Identical) != 1 || len(in.Identical[0].Files) != n+1 {
		t.Fatalf("%d groups", len(in.Identical))
	}
	var out strings.Builder
	if err := in.Fprint(&out, false); err != nil || out.Len() > 4000 || !strings.Contains(out.String(), "5000 of the 5100 in trainA") {
		t.Errorf("%v, %d bytes: %.500s", err, out.Len(), out.String())
	}
}

// Files that vanish after Open are a finding, not an error.
func TestFilesVanish(t *testing.T) {
	for _, decode := range []bool{false, true} {
		root := good(t)
		d := open(t, small(root))
		// All images have one size in bytes, so the inspection opens all of them.
		os.Remove(filepath.Join(root, "trainA", "00.png"))
		os.Remove(filepath.Join(root, "trainA", "02.png"))
		os.Mkdir(filepath.Join(root, "trainA", "02.png"), 0o777)
		os.RemoveAll(filepath.Join(root, "testB"))
		in, err := Dataset(context.Background(), d, Options{Decode: decode})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(in.Unreadable); n != 2+fewTest || in.Unreadable[0].Name != "trainA/00.png" || in.Sets[3].Count != 0 || len(in.Identical) != 0 {
			t.Errorf("decode %v: %d unreadable, %v; sets %v; identical %v", decode, n, in.Unreadable[:2], in.Sets, in.Identical)
		}
		if p := in.finding("nothing_readable"); p == nil || p.Severity != Warning || !strings.Contains(p.Title, "testB") {
			t.Errorf("with the test set gone: %+v", p)
		}
		if n := len(d.Skipped()); n != 2+fewTest {
			t.Errorf("%d skipped", n)
		}
		os.RemoveAll(root)
		in, err = Dataset(context.Background(), d, Options{Decode: decode})
		if err != nil || in.Err() == nil || !strings.Contains(in.Err().Error(), "no readable image in trainA") {
			t.Errorf("with all files gone: %v, %v", in.Err(), err)
		}
		if err := in.Fprint(io.Discard, true); err != nil {
			t.Error(err)
		}
	}
}

func TestNamedPipeAndFolderNamedLikeImages(t *testing.T) {
	root := good(t)
	write(t, filepath.Join(root, "trainA", "album.jpg", "x.png"), pngBytes(noise(31, 12, 12)))
	if !mkfifo(filepath.Join(root, "trainA", "pipe.png")) {
		t.Skip("named pipes are not supported")
	}
	in := inspect(t, small(root), Options{Decode: true})
	if len(in.Unreadable) != 1 || in.Unreadable[0].Name != "trainA/pipe.png" || in.Unreadable[0].Err.Error() != "not a file" || in.Sets[0].Count != fewTrain+1 {
		t.Errorf("%+v", in)
	}
}

// denied refuses to open one file, like a file system without permission.
type denied struct {
	fs.FS
	name string
}

func (d denied) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
}

func TestNoPermission(t *testing.T) {
	root := good(t)
	d := open(t, small(root))
	d.Folders()[0].FS = denied{os.DirFS(root), "trainA/06.png"}
	in, err := Dataset(context.Background(), d, Options{})
	if err != nil || len(in.Unreadable) != 1 || !strings.Contains(in.finding("unreadable").Files[0], "trainA/06.png: permission denied") {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestContextStopsInspection(t *testing.T) {
	root := good(t)
	for _, decode := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		d := open(t, small(root))
		trainB := d.Folders()[1]
		trainB.FS = cancelling{trainB.FS, cancel}
		in, err := Dataset(ctx, d, Options{Decode: decode})
		if in != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("decode %v: %v, %v", decode, in, err)
		}
		if len(d.Skipped()) != 0 {
			t.Errorf("an interrupted inspection skipped files: %v", d.Skipped())
		}
		if _, err := Dataset(ctx, d, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that is over: %v", err)
		}
	}
}

// cancelling cancels a context when the first file is opened.
type cancelling struct {
	fs.FS
	cancel func()
}

func (c cancelling) Open(name string) (fs.File, error) {
	c.cancel()
	return c.FS.Open(name)
}

func TestInspectScenes(t *testing.T) {
	in := inspect(t, dataset.DefaultOptions(), Options{Decode: true})
	if !in.BuiltIn || len(in.Findings) != 0 || len(in.Sets) != 4 || in.Sets[1].Folder != "winter" || in.Sets[1].Count != 400 {
		t.Errorf("%+v", in)
	}
	var out strings.Builder
	if err := in.Fprint(&out, false); err != nil || out.String() != "built-in scenes of 286x286: trainA 400 summer, trainB 400 winter, testA 50 summer, testB 50 winter; nothing to check\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestInspectWithDirection(t *testing.T) {
	root := good(t)
	os.RemoveAll(filepath.Join(root, "testA"))
	os.Remove(filepath.Join(root, "trainB", "00.png"))
	o := small(root)
	o.Direction = dataset.BtoA
	in := inspect(t, o, Options{})
	if in.Sets[0].Name != "trainA" || in.Sets[0].Folder != "trainB" || in.Sets[2].Folder != "testB" {
		t.Errorf("sets %+v", in.Sets)
	}
	if p := in.finding("few"); p == nil || p.Title != "few images in trainB: 99" {
		t.Errorf("%+v", p)
	}
	if p := in.finding("no_test"); p == nil || p.Title != "no test images of B" || !strings.Contains(p.Text, "in testA.") {
		t.Errorf("%+v", p)
	}
}

func TestInspectNamedFolders(t *testing.T) {
	root := good(t)
	o := small("")
	o.DirA, o.DirB = filepath.Join(root, "trainA"), filepath.Join(root, "trainA", "..", "trainA")
	in := inspect(t, o, Options{})
	if in.Err() == nil || !strings.Contains(in.Err().Error(), "the domains have the same images") {
		t.Errorf("one folder under two names: %v", in.Err())
	}
	if p := in.finding("no_test"); p == nil || !strings.Contains(p.Text, "test_dir_A and test_dir_B") {
		t.Errorf("%+v", p)
	}
}

func TestInspectionAsJSON(t *testing.T) {
	root := good(t)
	copyFile(t, root, "trainA/00.png", "trainB/again.png")
	write(t, filepath.Join(root, "trainA", "none.png"), nil)
	data, err := json.Marshal(inspect(t, small(root), Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"name":"trainA","folder":"trainA","count":100`, `"min":{"width":12,"height":12}`, `"common":[{"width":12,"height":12,"count":100}]`,
		`"unreadable":[{"name":"trainA/none.png","reason":"file is empty"}]`, `"too_small":[]`, `"kind":"across_domains","bytes":`,
		`"files":[{"set":"trainA","name":"trainA/00.png"},{"set":"trainB","name":"trainB/again.png"}]`, `"severity":"warning","kind":"unreadable"`,
	} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("no %s in %s", want, data)
		}
	}
}

func TestPrintIsShortAndPlain(t *testing.T) {
	root := good(t)
	for i := range 9 {
		write(t, filepath.Join(root, "trainA", fmt.Sprintf("bad\x1b[31m%d.png", i)), nil)
	}
	in := inspect(t, small(root), Options{})
	var short, long strings.Builder
	if err := errors.Join(in.Fprint(&short, false), in.Fprint(&long, true)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(long.String(), "\x1b") {
		t.Error("a file name controls the terminal")
	}
	if n := strings.Count(short.String(), "file is empty"); n != maxLines || !strings.Contains(short.String(), "and 6 more") {
		t.Errorf("short: %s", short.String())
	}
	if n := strings.Count(long.String(), "file is empty"); n != 9 || strings.Contains(long.String(), " more") {
		t.Errorf("long: %s", long.String())
	}
	for _, line := range strings.Split(short.String(), "\n") {
		if len(line) > 130 {
			t.Errorf("line of %d: %s", len(line), line)
		}
	}
	if err := in.Fprint(fullDisk{}, false); err == nil {
		t.Error("no error for a full disk")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestProgress(t *testing.T) {
	last, calls := 0, 0
	inspect(t, small(good(t)), Options{Decode: true, Progress: func(done, total int) {
		if calls++; done != last+1 || total != 300 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}})
	if calls != 300 {
		t.Errorf("%d calls of Progress, want 300", calls)
	}
}

// zipOf packs a folder into a zip file.
func zipOf(t testing.TB, root string) string {
	t.Helper()
	files := fileTree{}
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files[p], err = os.ReadFile(filepath.Join(root, p))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files.zip(t)
}
