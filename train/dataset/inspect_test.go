package dataset

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

	"golang.org/x/image/tiff"
)

func inspect(t testing.TB, o Options, opt InspectOptions) *Inspection {
	t.Helper()
	in, err := open(t, o).Inspect(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (i *Inspection) problem(kind string) *Problem {
	for k := range i.Problems {
		if i.Problems[k].Kind == kind {
			return &i.Problems[k]
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

// A group counts by the worst that its members do to each other.
func TestIdenticalGroups(t *testing.T) {
	root := good(t)
	copyFile(t, root, "trainA/00.png", "trainA/again.png")
	copyFile(t, root, "trainA/01.png", "testA/again.png")
	copyFile(t, root, "trainB/02.png", "testA/other.png")
	for _, f := range []string{"trainA/3.png", "testA/3.png", "trainB/3.png", "trainB/three.png"} {
		copyFile(t, root, "testB/03.png", f)
	}
	// Of one size and with the same beginning, and not identical.
	long := make([]byte, 200<<10)
	copy(long, pngBytes(t, picture(77, 12, 12)))
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
		for _, where := range []string{root, zipped(t, root, "")} {
			for _, decode := range []bool{false, true} {
				o := small(where)
				o.NumThreads = threads
				in := inspect(t, o, InspectOptions{Decode: decode})
				var got []string
				for _, g := range in.Identical {
					got = append(got, fmt.Sprint(g.Kind, " ", g))
				}
				if !slices.Equal(got, want) {
					t.Fatalf("decode %v, %d threads:\n%s", decode, threads, strings.Join(got, "\n"))
				}
				if p := in.problem("leak"); p == nil || p.Title != "test pictures are trained on: 2 of the 53 in testA, 1 of the 50 in testB" {
					t.Errorf("leak: %+v", p)
				}
				if p := in.problem("repeats"); p == nil || !strings.HasSuffix(p.Title, ": 1 of the 104 in trainA, 1 of the 103 in trainB") {
					t.Errorf("repeats: %+v", p)
				}
			}
		}
	}
}

// opened counts the files that are opened and the bytes that are read.
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

func TestLookingReadsLittle(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 12, 12, "trainB")
	for i := range 8 { // without compression: all of one size, and different at once
		long := make([]byte, 1<<20)
		copy(long, pngBytes(t, picture(i, 12, 12)))
		if i == 7 {
			long = long[:len(long)-5] // alone with its size
		}
		write(t, filepath.Join(root, "trainA", fmt.Sprintf("%d.png", i)), long)
	}
	o := small(root)
	o.NumThreads = 1
	d := open(t, o)
	var read int64
	src := d.a.source.(*fileSource)
	src.folder.fsys = opened{src.folder.fsys, &read}
	in, err := d.Inspect(context.Background(), InspectOptions{})
	if err != nil || len(in.Identical) != 0 {
		t.Fatal(in, err)
	}
	if read != 7*64<<10 {
		t.Errorf("read %d bytes, want 64 KiB of 7 files", read)
	}
}

// Damage of any kind gives a reason, and no picture is lost from the count.
func TestInspectDamagedFiles(t *testing.T) {
	var tiffBytes bytes.Buffer
	if err := tiff.Encode(&tiffBytes, picture(1, 12, 12), nil); err != nil {
		t.Fatal(err)
	}
	whole := [][]byte{pngBytes(t, picture(1, 12, 12)), jpegBytes(t, picture(2, 12, 12)), tiffBytes.Bytes()}
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
	in := inspect(t, small(files.zip(t)), InspectOptions{Decode: true})
	if in.Sets[0].Count+len(in.Unreadable) != fewTrain+n || len(in.Unreadable) < n/2 {
		t.Errorf("%d readable and %d not, of %d", in.Sets[0].Count, len(in.Unreadable), fewTrain+n)
	}
	for _, s := range in.Unreadable {
		if s.Err.Error() == "" {
			t.Errorf("%s: no reason", s.Name)
		}
	}
}

// A picture that stands for many others makes one large group.
func TestInspectManyCopies(t *testing.T) {
	files := fileTree(maps.Clone(goodFiles()))
	const n = 5000
	for i := range n {
		files.copy("trainA/00.png", fmt.Sprintf("trainA/n%d.png", i))
	}
	in := inspect(t, small(files.zip(t)), InspectOptions{})
	if len(in.Identical) != 1 || len(in.Identical[0].Files) != n+1 {
		t.Fatalf("%d groups", len(in.Identical))
	}
	var out strings.Builder
	if err := in.Fprint(&out, false); err != nil || out.Len() > 4000 || !strings.Contains(out.String(), "5000 of the 5100 in trainA") {
		t.Errorf("%v, %d bytes: %.500s", err, out.Len(), out.String())
	}
}

// What happens to files after Open is told and never fatal.
func TestFilesVanishAndChange(t *testing.T) {
	for _, decode := range []bool{false, true} {
		root := good(t)
		copyFile(t, root, "trainA/01.png", "trainA/same.png")
		d := open(t, small(root))
		// All pictures are of one size, so that all are looked into.
		os.Remove(filepath.Join(root, "trainA", "00.png"))
		os.Remove(filepath.Join(root, "trainA", "02.png"))
		os.Mkdir(filepath.Join(root, "trainA", "02.png"), 0o777)
		// Two that become identical, at another size than Open has seen.
		write(t, filepath.Join(root, "trainA", "same.png"), pngBytes(t, picture(1, 30, 30)))
		write(t, filepath.Join(root, "trainA", "03.png"), pngBytes(t, picture(1, 30, 30)))
		os.RemoveAll(filepath.Join(root, "testB"))
		in, err := d.Inspect(context.Background(), InspectOptions{Decode: decode})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(in.Unreadable); n != 2+fewTest || in.Unreadable[0].Name != "trainA/00.png" || in.Sets[3].Count != 0 || len(in.Identical) != 0 {
			t.Errorf("decode %v: %d unreadable, %v; sets %v; identical %v", decode, n, in.Unreadable[:2], in.Sets, in.Identical)
		}
		if p := in.problem("nothing_readable"); p == nil || p.Severity != SeverityWarning || !strings.Contains(p.Title, "testB") {
			t.Errorf("gone test set: %+v", p)
		}
		if p := in.problem("changed"); p == nil || !slices.Equal(p.Files, []string{"trainA/03.png", "trainA/same.png"}) {
			t.Errorf("changed: %+v", p)
		}
		if n := len(d.Skipped()); n != 2+fewTest {
			t.Errorf("%d skipped", n)
		}
		os.RemoveAll(root)
		in, err = d.Inspect(context.Background(), InspectOptions{Decode: decode})
		if err != nil || in.Err() == nil || !strings.Contains(in.Err().Error(), "no picture of trainA can be read") {
			t.Errorf("all gone: %v, %v", in.Err(), err)
		}
		if err := in.Fprint(io.Discard, true); err != nil {
			t.Error(err)
		}
	}
}

func TestNamedPipeAndFolderNamedLikePictures(t *testing.T) {
	root := good(t)
	write(t, filepath.Join(root, "trainA", "album.jpg", "x.png"), pngBytes(t, picture(31, 12, 12)))
	if !mkfifo(filepath.Join(root, "trainA", "pipe.png")) {
		t.Skip("no named pipes here")
	}
	in := inspect(t, small(root), InspectOptions{Decode: true})
	if len(in.Unreadable) != 1 || in.Unreadable[0].Name != "trainA/pipe.png" || in.Unreadable[0].Err.Error() != "not a file" || in.Sets[0].Count != fewTrain+1 {
		t.Errorf("%+v", in)
	}
}

// denied refuses to open one file, as one with the wrong permissions does.
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
	src, err := d.scan(folder{fsys: denied{os.DirFS(root), "trainA/05.png"}, path: "trainA", label: "trainA"}, true)
	if err != nil || len(src.left) != 1 || !errors.Is(src.left[0].Err, fs.ErrPermission) {
		t.Errorf("%+v, %v", src.left, err)
	}
	_, err = d.scan(folder{fsys: denied{os.DirFS(root), "trainA"}, path: "trainA", label: "trainA"}, true)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "trainA") {
		t.Errorf("folder that can't be listed: %v", err)
	}
	d.a.source.(*fileSource).folder.fsys = denied{os.DirFS(root), "trainA/06.png"}
	in, err := d.Inspect(context.Background(), InspectOptions{})
	if err != nil || len(in.Unreadable) != 1 || !strings.Contains(in.problem("unreadable").Files[0], "trainA/06.png: permission denied") {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestInspectEndsWithContext(t *testing.T) {
	root := good(t)
	for _, decode := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		d := open(t, small(root))
		src := d.b.source.(*fileSource)
		src.folder.fsys = cancelling{src.folder.fsys, cancel}
		in, err := d.Inspect(ctx, InspectOptions{Decode: decode})
		if in != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("decode %v: %v, %v", decode, in, err)
		}
		if len(d.Skipped()) != 0 {
			t.Errorf("stopping was taken for damage: %v", d.Skipped())
		}
		if _, err := d.Inspect(ctx, InspectOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("begun when it was over: %v", err)
		}
	}
}

// cancelling ends a context when the first file is opened.
type cancelling struct {
	fs.FS
	cancel func()
}

func (c cancelling) Open(name string) (fs.File, error) {
	c.cancel()
	return c.FS.Open(name)
}

func TestInspectScenes(t *testing.T) {
	in := inspect(t, DefaultOptions(), InspectOptions{Decode: true})
	if !in.BuiltIn || len(in.Problems) != 0 || len(in.Sets) != 4 || in.Sets[1].Folder != "winter" || in.Sets[1].Count != 400 {
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
	o.Direction = BtoA
	in := inspect(t, o, InspectOptions{})
	if in.Sets[0].Name != "trainA" || in.Sets[0].Folder != "trainB" || in.Sets[2].Folder != "testB" {
		t.Errorf("sets %+v", in.Sets)
	}
	if p := in.problem("few"); p == nil || p.Title != "trainB has only 99 pictures" {
		t.Errorf("%+v", p)
	}
	if p := in.problem("no_test"); p == nil || p.Title != "there are no test pictures of B" || !strings.Contains(p.Text, "in testA.") {
		t.Errorf("%+v", p)
	}
}

func TestInspectNamedFolders(t *testing.T) {
	root := good(t)
	o := small("")
	o.DirA, o.DirB = filepath.Join(root, "trainA"), filepath.Join(root, "trainA", "..", "trainA")
	in := inspect(t, o, InspectOptions{})
	if in.Err() == nil || !strings.Contains(in.Err().Error(), "trainA and trainA are the same folder") {
		t.Errorf("one folder by two names: %v", in.Err())
	}
	if p := in.problem("no_test"); p == nil || !strings.Contains(p.Text, "test_dir_A and test_dir_B") {
		t.Errorf("%+v", p)
	}
	o.DirB = root
	if in := inspect(t, o, InspectOptions{}); in.Err() == nil || in.problem("nested_folders") == nil {
		t.Errorf("a folder in the other: %+v", in.Problems)
	}
}

func TestInspectionAsJSON(t *testing.T) {
	root := good(t)
	copyFile(t, root, "trainA/00.png", "trainB/again.png")
	write(t, filepath.Join(root, "trainA", "none.png"), nil)
	data, err := json.Marshal(inspect(t, small(root), InspectOptions{}))
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
	in := inspect(t, small(root), InspectOptions{})
	var short, long strings.Builder
	if err := errors.Join(in.Fprint(&short, false), in.Fprint(&long, true)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(long.String(), "\x1b") {
		t.Error("a file name commands the terminal")
	}
	if n := strings.Count(short.String(), "file is empty"); n != shown || !strings.Contains(short.String(), "and 6 more") {
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
		t.Error("no error from a full disk")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestProgress(t *testing.T) {
	last, calls := 0, 0
	inspect(t, small(good(t)), InspectOptions{Decode: true, Progress: func(done, total int) {
		if calls++; done != last+1 || total != 300 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}})
	if calls != 300 {
		t.Errorf("told %d times", calls)
	}
}
