// Package dataset feeds unpaired training with images from two folders, a zip file or the built-in
// scenes. Its central type is [Dataset], which returns each batch of a run by its index.
//
// No random state carries over from batch to batch: everything drawn for pair i of epoch e depends
// only on the seed, e and i. A run that resumes at step n therefore sees the same batches as an
// uninterrupted one, with any number of loading threads.
package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cyclegan/train/scenes"
)

// Dataset holds the two domains of a run. It is safe for concurrent use.
type Dataset struct {
	opt          Options
	a, b         *domain   // for training
	testA, testB *domain   // nil where there are no test images
	where        string    // name of the folder or archive
	layout       string    // how its folders are named
	testFolders  [2]string // where test images of A and B are, or would be
	emptyTests   []error   // about test folders without usable images
	about        string
	order        order
	kept         atomic.Int64 // bytes of decoded images
	pool         sync.Pool    // of *Batch
	files        io.Closer    // nil when no file is held open
	mu           sync.Mutex
	skipped      map[string]error
}

// Skip is a file that the run does not use, and the reason.
type Skip struct {
	Name string
	Err  error
}

// Open finds the images that the options name and reads the header of each. It skips unreadable
// files and images that are too small for the crop: see [Dataset.Skipped].
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
	var counts []string
	for _, f := range []struct {
		folder   *Folder
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
		err := d.scan(f.folder, f.training)
		if empty := (*emptyError)(nil); !f.training && errors.As(err, &empty) {
			d.emptyTests = append(d.emptyTests, err)
			continue
		}
		if err != nil {
			return err
		}
		*f.to = d.domain(f.folder, f.channels)
		counts = append(counts, fmt.Sprintf("%s %d", f.folder.Label, f.folder.size()))
	}
	d.opt.WindowA = d.window(d.opt.WindowA, found.a, found.testA)
	d.opt.WindowB = d.window(d.opt.WindowB, found.b, found.testB)
	d.where, d.layout, d.testFolders = found.where, found.layout, found.tests
	d.about = fmt.Sprintf("%s: images: %s (%s)", found.where, strings.Join(counts, ", "), found.layout)
	return nil
}

func (d *Dataset) openScenes() {
	o := d.opt
	source := func(season scenes.Season, from uint64, n, channels int) *domain {
		return d.domain(&sceneSource{seed: o.SceneSeed, first: from, n: n, season: season, side: o.LoadSize}, channels)
	}
	// The index ranges of the domains are so far apart that no scene is in two of them.
	const apart = 1 << 32
	sa, sb, na, nb := scenes.Summer, scenes.Winter, o.ScenesA, o.ScenesB
	if o.MaxDatasetSize > 0 {
		na, nb = min(na, o.MaxDatasetSize), min(nb, o.MaxDatasetSize)
	}
	if o.Direction == BtoA {
		sa, sb, na, nb = sb, sa, nb, na
	}
	d.a, d.b = source(sa, uint64(sa)*apart, na, o.InputNC), source(sb, uint64(sb)*apart, nb, o.OutputNC)
	if o.ScenesTest > 0 {
		d.testA = source(sa, uint64(2+sa)*apart, o.ScenesTest, o.InputNC)
		d.testB = source(sb, uint64(2+sb)*apart, o.ScenesTest, o.OutputNC)
	}
	d.where, d.layout = "built-in scenes", "drawn"
	d.about = fmt.Sprintf("built-in scenes: %s %d, %s %d, for testing %d each", sa, na, sb, nb, o.ScenesTest)
}

// String names the source, the layout found and the number of images.
func (d *Dataset) String() string {
	s := d.about
	if n := len(d.Skipped()); n > 0 {
		s += fmt.Sprintf(", %d skipped", n)
	}
	return s
}

// Options returns the options that the dataset was opened with. The windows are those in use, and
// zero for a domain whose training images have 8 bits per sample.
func (d *Dataset) Options() Options { return d.opt }

// BuiltIn reports whether the images are built-in scenes, which have no files.
func (d *Dataset) BuiltIn() bool { return d.opt.builtIn() }

// Source returns the name of the folder or archive and how its folders are named.
func (d *Dataset) Source() (name, layout string) { return d.where, d.layout }

// TestFolders returns the names of the folders where test images of A and B are, or would be.
func (d *Dataset) TestFolders() [2]string { return d.testFolders }

// EmptyTests says why test folders that exist are not used: they have no usable images.
func (d *Dataset) EmptyTests() []error { return d.emptyTests }

// Folders returns the folders of the images: trainA, trainB, testA and testB, after the direction
// is applied. Missing and empty test folders, and all four for scenes, are nil.
func (d *Dataset) Folders() (all [4]*Folder) {
	for i, dom := range []*domain{d.a, d.b, d.testA, d.testB} {
		if dom != nil {
			all[i], _ = dom.source.(*Folder)
		}
	}
	return all
}

// Domains returns the names of A and B: "summer" and "winter" where the folders or the scenes have
// them, otherwise "A" and "B". Direction BtoA swaps the names along with the images.
func (d *Dataset) Domains() (a, b string) {
	return d.a.source.title(), d.b.source.title()
}

// Skipped lists the files skipped so far, by name. A file with a good header and a damaged body is
// only found, and added, when it is first decoded.
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

// Skip adds a file to [Dataset.Skipped]. The first reason given for a file stays.
func (d *Dataset) Skip(name string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.skipped[name]; !ok {
		d.skipped[name] = err
	}
}

// Close closes a zip file. Call it when nothing reads from the dataset any more. It may be called
// twice.
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
