// Package cli holds the shared behavior of the commands: options ([Flags]) with -h and -version,
// exit statuses, and the names of commands in messages.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Exit statuses of every command.
const (
	Done        = 0
	Failed      = 1
	WrongUsage  = 2
	SomeFailed  = 3 // some images of several
	Interrupted = 130
)

// ErrVersion is what [Flags.Parse] returns for -version.
var ErrVersion = errors.New("version requested")

type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks err as a mistake in the command line. An error made by [errors.Join] is a list of
// them.
func Usage(err error) error { return usageError{err} }

// IsUsage reports whether err is, or wraps, a mistake in the command line.
func IsUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// Status returns the exit status for err.
func Status(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, ErrVersion):
		return Done
	case IsUsage(err):
		return WrongUsage
	}
	return Failed
}

// Report prints err, with which the command called name ends, to stderr and returns the exit
// status. [Flags.Report] also answers -h and -version.
func Report(stderr io.Writer, name string, err error) int {
	status := Status(err)
	if status == Done {
		return status
	}
	text := err.Error()
	var usage usageError
	if errors.As(err, &usage) {
		if mistakes(usage.error) > 1 {
			text = "invalid options:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
		text += fmt.Sprintf("\nRun `%s -h` for the options.", Program(name))
	}
	fmt.Fprintf(stderr, "%s: %s\n", name, text)
	return status
}

func mistakes(err error) int {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return 1
	}
	n := 0
	for _, e := range list.Unwrap() {
		n += mistakes(e)
	}
	return n
}

// Count returns a number with its noun: "1 image", "2 images".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Runs is the pattern of the runs in a folder for [There]: folders that hold more than a lock.
const Runs = "*/[^.]*"

// There lists the entries of a folder of which a pattern matches something, for messages about what
// is missing there: "; runs there: demo, yosemite". It is empty if nothing matches.
func There(what, dir, pattern string) string {
	found, _ := filepath.Glob(filepath.Join(dir, pattern))
	var names []string
	for _, path := range found {
		if rel, err := filepath.Rel(dir, path); err == nil {
			name, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
			names = append(names, name)
		}
	}
	if names = slices.Compact(names); len(names) == 0 {
		return ""
	}
	if len(names) > 5 {
		names = append(names[:5], "...")
	}
	return "; " + what + " there: " + strings.Join(names, ", ")
}

var braces = regexp.MustCompile(`\{(\w+)\}`)

// Suffixed returns a run's name with the official -suffix appended. Options in braces, as in
// {netG}_size{load_size}, are replaced by their values.
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
		return "", fmt.Errorf("-suffix: unknown options: %s", strings.Join(unknown, ", "))
	}
	return name + "_" + filled, nil
}
