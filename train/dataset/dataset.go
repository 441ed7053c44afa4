// Package dataset feeds unpaired training from two folders, a zip file or
// built-in drawn scenes. Its central type is [Dataset], which gives the batches
// of a run by their number.
//
// Nothing random is carried from batch to batch: what is drawn for pair i of
// epoch e depends on the seed, e and i alone. A run that goes on at step n
// therefore sees what it would have seen without the stop, whatever the number
// of loading threads.
//
//	o := dataset.DefaultOptions()
//	o.Dataroot = "datasets/summer2winter_yosemite"
//	ds, err := dataset.Open(o)
//	defer ds.Close()
//	found, err := ds.Inspect(ctx, dataset.InspectOptions{}) // what is wrong with the pictures
//	next := ds.Prefetch(ctx, step)
//	defer next.Close()
//	batch, err := next.Next() // batch.A, batch.B: NHWC in [-1, 1]
//	batch.Release()
package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Dataset holds the two domains of a run. It is safe for concurrent use.
type Dataset struct {
	opt          Options
	a, b         *domain   // what is trained on
	testA, testB *domain   // nil when there is none
	where        string    // the folder's or archive's name; "" for scenes
	layout       string    // how its folders are named
	testFolders  [2]string // where test pictures of A and B would be looked for
	about        string
	orders       orders
	pool         sync.Pool // of *Batch
	files        io.Closer // nil when nothing is held open
	mu           sync.Mutex
	skipped      map[string]error
}

// Skip is a file that takes no part, and why.
type Skip struct {
	Name string
	Err  error
}

// Open finds the pictures that the options name and reads the header of each.
// Files that are no readable pictures, or too small for the crop, are left out:
// see [Dataset.Skipped].
func Open(o Options) (*Dataset, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	d := &Dataset{opt: o, skipped: map[string]error{}}
	d.pool.New = func() any { return &Batch{pool: &d.pool} }
	if o.builtIn() {
		d.openScenes()
		return d, nil
	}
	if err := d.openFiles(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Dataset) openFiles() error {
	found, err := find(d.opt)
	if err != nil {
		return err
	}
	d.files = found.closer
	room := &room{left: d.opt.MemoryBytes}
	var counts []string
	for _, f := range []struct {
		folder   *folder
		to       **domain
		channels int
		training bool
	}{
		{found.a, &d.a, d.opt.InputNC, true}, {found.b, &d.b, d.opt.OutputNC, true},
		{found.testA, &d.testA, d.opt.InputNC, false}, {found.testB, &d.testB, d.opt.OutputNC, false},
	} {
		if f.folder == nil {
			continue
		}
		src, err := d.scan(*f.folder, f.training)
		if err != nil {
			return err
		}
		*f.to = newDomain(src, f.channels, &d.opt, room, d.skip)
		counts = append(counts, fmt.Sprintf("%s %d", f.folder.label, src.size()))
	}
	d.where, d.layout, d.testFolders = found.where, found.layout, found.tests
	d.about = fmt.Sprintf("%s: %s pictures (%s)", found.where, strings.Join(counts, ", "), found.layout)
	return nil
}

func (d *Dataset) openScenes() {
	o := d.opt
	room := &room{left: o.MemoryBytes}
	scenes := func(season Season, from uint64, n, channels int) *domain {
		return newDomain(&sceneSource{seed: o.SceneSeed, first: from, n: n, season: season, side: o.LoadSize}, channels, &d.opt, room, d.skip)
	}
	// Domains far apart, so that no scene shows up in two of them.
	const apart = 1 << 32
	sa, sb, na, nb := Summer, Winter, o.ScenesA, o.ScenesB
	if o.MaxDatasetSize > 0 {
		na, nb = min(na, o.MaxDatasetSize), min(nb, o.MaxDatasetSize)
	}
	if o.Direction == BtoA {
		sa, sb, na, nb = sb, sa, nb, na
	}
	d.a, d.b = scenes(sa, uint64(sa)*apart, na, o.InputNC), scenes(sb, uint64(sb)*apart, nb, o.OutputNC)
	if o.ScenesTest > 0 {
		d.testA = scenes(sa, uint64(2+sa)*apart, o.ScenesTest, o.InputNC)
		d.testB = scenes(sb, uint64(2+sb)*apart, o.ScenesTest, o.OutputNC)
	}
	d.about = fmt.Sprintf("built-in scenes: %s %d, %s %d, for testing %d each", sa, na, sb, nb, o.ScenesTest)
}

// String names the source, the layout found and the number of pictures.
func (d *Dataset) String() string {
	s := d.about
	if n := len(d.Skipped()); n > 0 {
		s += fmt.Sprintf(", %d skipped", n)
	}
	return s
}

// Options are those that the dataset was opened with.
func (d *Dataset) Options() Options { return d.opt }

// Domains names what A and B are: "summer" and "winter" where the folders or
// the scenes say so, else "A" and "B". With direction BtoA the names have
// swapped along with the pictures.
func (d *Dataset) Domains() (a, b string) {
	return d.a.source.title(), d.b.source.title()
}

// Skipped lists the files left out so far, by name. Those whose header is fine
// and whose body is not are found, and added, when they are first decoded.
func (d *Dataset) Skipped() []Skip {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Skip, 0, len(d.skipped))
	for name, err := range d.skipped {
		list = append(list, Skip{name, err})
	}
	slices.SortFunc(list, func(x, y Skip) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

func (d *Dataset) skip(name string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.skipped[name]; !ok {
		d.skipped[name] = err
	}
}

// Stats tells what reading has cost so far.
type Stats struct {
	Decoded     int64 // pictures decoded or drawn for training, with repeats
	CachedBytes int64 // of decoded pictures kept in memory
}

// Stats can be asked at any time.
func (d *Dataset) Stats() Stats {
	return Stats{
		Decoded:     d.a.decoded.Load() + d.b.decoded.Load(),
		CachedBytes: d.a.cached.Load() + d.b.cached.Load(),
	}
}

// Close lets go of a zip file, when nothing reads from the dataset any more. It
// may be called twice.
func (d *Dataset) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files == nil {
		return nil
	}
	err := d.files.Close()
	d.files = nil
	return err
}

// bare drops the path that fs errors repeat, since the caller names the file.
func bare(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// display shortens a path for messages about the whole dataset.
func display(path string) string {
	if base := filepath.Base(filepath.Clean(path)); base != "." && base != string(filepath.Separator) {
		return base
	}
	return path
}
