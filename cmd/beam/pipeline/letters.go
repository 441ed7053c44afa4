package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	register.DoFn3x1[context.Context, []byte, func(*Letter) bool, error](&lettersFn{})
	register.Iter1[Letter]()
}

// A Letter is a dead letter: an image that could not be converted, or a folder that could not be
// read.
type Letter struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type lettersFn struct{ Path string }

func (f *lettersFn) ProcessElement(ctx context.Context, _ []byte, next func(*Letter) bool) error {
	var letters []Letter
	for l := (Letter{}); next(&l); {
		letters = append(letters, l)
	}
	return WriteLetters(ctx, f.Path, letters)
}

// WriteLetters sorts dead letters by path and writes them, one JSON object per line.
func WriteLetters(ctx context.Context, path string, letters []Letter) error {
	slices.SortFunc(letters, func(a, b Letter) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason)) })
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for _, l := range letters {
		if err := encoder.Encode(l); err != nil {
			return fmt.Errorf("write dead letters %q: %w", path, err)
		}
	}
	if err := write(ctx, path, lines.Bytes()); err != nil {
		return fmt.Errorf("write dead letters %q: %w", path, err)
	}
	return nil
}

// ReadLetters reads what [WriteLetters] wrote.
func ReadLetters(ctx context.Context, path string) ([]Letter, error) {
	data, err := read(ctx, path, math.MaxInt64-1)
	if err != nil {
		return nil, fmt.Errorf("read dead letters %q: %w", path, err)
	}
	letters := []Letter{}
	for line := range bytes.Lines(data) {
		var l Letter
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("read dead letters %q: line %d: %w", path, len(letters)+1, err)
		}
		letters = append(letters, l)
	}
	return letters, nil
}
