package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"cyclegan/infer/atomicfile"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
)

// OptionsFile is the file in a run's folder that holds its options.
const OptionsFile = "options.json"

// Dir returns the folder of the run.
func (o Options) Dir() string { return filepath.Join(o.CheckpointsDir, o.Name) }

// Checkpoints returns the folder of the run's checkpoints.
func (o Options) Checkpoints() checkpoint.Folder {
	return checkpoint.Folder(filepath.Join(o.Dir(), "checkpoints"))
}

// OpenData opens the images of the run. If they are missing in a run that is resumed, the error
// says how to name their new place.
func (o Options) OpenData(resumed bool) (*dataset.Dataset, error) {
	data, err := dataset.Open(o.Dataset())
	if !resumed || !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	place := "-dataroot NEWDIR"
	if o.DirA != "" {
		place = "-dir_A NEWDIR -dir_B NEWDIR"
	}
	return nil, fmt.Errorf("%w\nFix: if the images were moved, resume with their new place: -continue_train %s", err, place)
}

// Claim creates the run's folder and keeps other processes from training in it until release is
// called or the process ends in any way. It removes files that a killed run left half written.
func (o Options) Claim() (release func() error, err error) {
	if err := os.MkdirAll(o.Dir(), 0o755); err != nil {
		return nil, fmt.Errorf("create run folder: %w", err)
	}
	lock := flock.New(o.lockFile())
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock run folder: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("another process is training in %q. Fix: wait for it, or use another -name", o.Dir())
	}
	for _, pattern := range []string{atomicfile.Pattern, "*/" + atomicfile.Pattern} {
		// Glob gets no path, since the path may contain pattern characters.
		partial, _ := fs.Glob(os.DirFS(o.Dir()), pattern)
		for _, name := range partial {
			if err := os.Remove(filepath.Join(o.Dir(), filepath.FromSlash(name))); err != nil {
				lock.Close()
				return nil, fmt.Errorf("remove partial files: %w", err)
			}
		}
	}
	return lock.Close, nil
}

func (o Options) lockFile() string { return filepath.Join(o.Dir(), ".lock") }

// Claimed reports whether a process is training in the run's folder.
func (o Options) Claimed() bool {
	if _, err := os.Stat(o.lockFile()); err != nil {
		return false // and must not be created here
	}
	lock := flock.New(o.lockFile(), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	lock.Close()
	return err == nil && !free
}

// Save writes the options as JSON.
func (o Options) Save(path string) error {
	err := atomicfile.WriteDurable(path, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(o)
	})
	if err != nil {
		return fmt.Errorf("save options: %w", err)
	}
	return nil
}

// LoadOptions reads a file that Save wrote. An unknown field is an error, since it meant something
// to the run. A field that an older version did not have takes the value of the run's preset.
func LoadOptions(path string) (Options, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Options{}, fmt.Errorf("load options: %w", err)
	}
	var recipe struct {
		Preset string `json:"preset"`
	}
	err = json.Unmarshal(text, &recipe)
	var o Options
	if err == nil {
		o, err = Preset(recipe.Preset)
		o.Window = "0,65535" // what runs from before the option used
	}
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&o)
	}
	if err != nil {
		return Options{}, fmt.Errorf("load options %q: %w", path, err)
	}
	return o, nil
}

// LoadRun reads the options of a run. Its name and folder are those given, even if the folder was
// moved or renamed since.
func LoadRun(checkpointsDir, name string) (Options, error) {
	o, err := LoadOptions(filepath.Join(checkpointsDir, name, OptionsFile))
	o.Name, o.CheckpointsDir = name, checkpointsDir
	return o, err
}
