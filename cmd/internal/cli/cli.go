// Package cli is what the commands have in common: exit statuses, mistakes in
// a command line, and the official implementation's -suffix.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"cyclegan/infer/pixels"
)

// Exit statuses, the same for every command of the project.
const (
	Done        = 0
	Failed      = 1
	WrongUsage  = 2
	SomeFailed  = 3 // some pictures of several
	Interrupted = 130
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks an error as a mistake in the command line.
func Usage(err error) error { return usageError{err} }

// IsUsage reports whether an error is, or wraps, a mistake in the command line.
func IsUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// Status is the exit status of an error, or of none; asking for help is none.
func Status(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return Done
	case IsUsage(err):
		return WrongUsage
	}
	return Failed
}

// Report says on stderr what ended the command called name and returns its
// exit status.
func Report(stderr io.Writer, name string, err error) int {
	status := Status(err)
	if status != Done {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
	}
	if status == WrongUsage {
		fmt.Fprintf(stderr, "see go run ./cmd/%s -h for the options\n", name)
	}
	return status
}

var braces = regexp.MustCompile(`\{(\w+)\}`)

// Suffixed is a run's name with the official -suffix added, in which options
// in braces stand for their values: {netG}_size{load_size}.
func Suffixed(name, suffix string, options *flag.FlagSet) (string, error) {
	if suffix == "" {
		return name, nil
	}
	var unknown []string
	filled := braces.ReplaceAllStringFunc(suffix, func(word string) string {
		f := options.Lookup(strings.Trim(word, "{}"))
		if f == nil {
			unknown = append(unknown, word)
			return word
		}
		return f.Value.String()
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("-suffix: there is no option %s", strings.Join(unknown, ", "))
	}
	return name + "_" + filled, nil
}

// Range reads the values of black and of white, such as "0,255".
func Range(text string) (pixels.Range, error) {
	low, high, _ := strings.Cut(text, ",")
	l, errLow := strconv.ParseFloat(strings.TrimSpace(low), 32)
	h, errHigh := strconv.ParseFloat(strings.TrimSpace(high), 32)
	if errLow != nil || errHigh != nil || l == h || math.IsInf(l-h, 0) || math.IsNaN(l-h) {
		return pixels.Range{}, errors.New("it is two different numbers with a comma, such as 0,255")
	}
	return pixels.Range{Lo: float32(l), Hi: float32(h)}, nil
}
