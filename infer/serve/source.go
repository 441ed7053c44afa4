package serve

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A Source finds generators. [Path] and [Fixed] are sources.
type Source interface {
	// Find returns the generators that exist now. The server calls it again and again, and
	// compares.
	Find() ([]Generator, error)
}

// A Generator is a network to serve: an ONNX file, or its content.
type Generator struct {
	// Model is the name under which the network is served. Two generators of opposite directions
	// may share one. Letters, digits, and "._-".
	Model string
	// Path is the file, or empty for Data.
	Path string
	Data []byte
	// Version changes when the content does.
	Version string
	// Direction is "AtoB" or "BtoA", for a file that does not record its own.
	Direction string
	// Card describes the model, as Markdown.
	Card string
	// Report is the report.html of the run that trains or trained the model, or empty.
	Report string
	// Training is true while that run is under way.
	Training bool
}

// Fixed returns a source of generators that never change.
func Fixed(generators ...Generator) Source { return fixed(generators) }

type fixed []Generator

func (f fixed) Find() ([]Generator, error) { return f, nil }

// Path returns the source of an ONNX file, or of all those in a folder and its subfolders. The
// names of models come from the names of the files, without endings such as _AB and _BtoA.
// G_AB.onnx has the name of its folder. A file README.md in the folder of a model is its card.
func Path(path string) Source { return folder(path) }

type folder string

func (f folder) Find() ([]Generator, error) {
	root, err := filepath.Abs(string(f)) // "." has no name
	if err != nil {
		return nil, err
	}
	var found []Generator
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil // it has gone meanwhile, or is not for this user
		case path != root && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !strings.EqualFold(filepath.Ext(path), ".onnx") && path != root:
			return nil
		}
		info, err := os.Stat(path) // of the file that a link points to
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		g := Generator{Path: path, Card: readCard(filepath.Dir(path)), Version: fmt.Sprint(info.Size(), info.ModTime().UnixNano())}
		g.Model, g.Direction = nameOf(path)
		found = append(found, g)
		return nil
	})
	return found, err
}

// ending is the part of a file's name that tells the direction.
var ending = regexp.MustCompile(`(?i)(^|[-_. ])(G[-_]?)?(AB|BA|AtoB|BtoA|A2B|B2A)$`)

// unfit matches what must not be in the name of a model, which is a part of addresses.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// nameOf returns the name of the model in a file, and its direction if the file's name tells it.
func nameOf(path string) (model, direction string) {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if m := ending.FindStringSubmatch(stem); m != nil {
		direction = "AtoB"
		if strings.HasPrefix(strings.ToUpper(m[3]), "B") {
			direction = "BtoA"
		}
		stem = strings.TrimSuffix(stem, m[0])
		if stem == "" {
			stem = filepath.Base(filepath.Dir(path))
		}
	}
	return CleanName(stem), direction
}

// CleanName turns any text into the name of a model.
func CleanName(text string) string {
	return cmp.Or(strings.Trim(unfit.ReplaceAllString(text, "-"), "-."), "model")
}

// readCard returns the README.md of a folder, or "".
func readCard(dir string) string {
	const most = 256 << 10
	path := filepath.Join(dir, "README.md")
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(text), "")
}

// validate reports a generator that cannot be served.
func (g *Generator) validate() error {
	switch {
	case g.Model == "" || unfit.MatchString(g.Model) || strings.HasPrefix(g.Model, "."):
		return fmt.Errorf("the name %q of a model is not letters, digits, and ._-", g.Model)
	case (g.Path == "") == (g.Data == nil):
		return errors.New("a generator is either a file or its content")
	case g.Direction != "" && g.Direction != "AtoB" && g.Direction != "BtoA":
		return fmt.Errorf("direction %q is not AtoB or BtoA", g.Direction)
	}
	return nil
}
