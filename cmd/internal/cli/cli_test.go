package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	plain := errors.New("disk full")
	for _, c := range []struct {
		err    error
		status int
		text   string
	}{
		{nil, Done, ""},
		{fmt.Errorf("x: %w", flag.ErrHelp), Done, ""},
		{ErrVersion, Done, ""},
		{plain, Failed, "try: disk full\n"},
		{fmt.Errorf("parse: %w", Usage(plain)), WrongUsage, "try: parse: disk full\nRun `try -h` for the options.\n"},
		{Usage(errors.Join(plain, nil)), WrongUsage, "try: disk full\nRun `try -h` for the options.\n"},
		{Usage(errors.Join(errors.Join(plain, plain), nil)), WrongUsage, "try: invalid options:\n  disk full\n  disk full\nRun `try -h` for the options.\n"},
	} {
		var out bytes.Buffer
		if status := Report(&out, "try", c.err); status != c.status || out.String() != c.text {
			t.Errorf("%v: status %d and %q, want %d and %q", c.err, status, out.String(), c.status, c.text)
		}
	}
}

func TestSuffixed(t *testing.T) {
	fs := flag.NewFlagSet("t", flag.ContinueOnError)
	fs.Int("load_size", 286, "")
	for suffix, want := range map[string]string{"": "run", "size{load_size}": "run_size286", "x": "run_x"} {
		if got, err := Suffixed("run", suffix, fs); err != nil || got != want {
			t.Errorf("suffix %q: %q, %v; want %q", suffix, got, err, want)
		}
	}
	if _, err := Suffixed("run", "{nosuch}", fs); err == nil || !strings.Contains(err.Error(), "{nosuch}") {
		t.Errorf("an unknown option: %v", err)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args  []string
		err   string // "" for none
		usage bool
		paths []string
	}{
		{args: []string{"a", "-n", "3", "b", "--", "-c"}, paths: []string{"a", "b", "-c"}},
		{args: []string{"-h"}, err: flag.ErrHelp.Error()},
		{args: []string{"-version"}, err: ErrVersion.Error()},
		{args: []string{"-zzz"}, err: "unknown option -zzz", usage: true},
		{args: []string{"-number", "3"}, err: "unknown option -number; did you mean -n?", usage: true},
		{args: []string{"--Dry-Run"}, err: "unknown option -Dry-Run; did you mean -dry_run?", usage: true},
		{args: []string{"-run"}, err: "unknown option -run; did you mean -dry_run?", usage: true},
		{args: []string{"-json"}, err: "-json needs a value", usage: true},
		{args: []string{"-json", "-dry_run"}, err: "-json needs a value, but the option -dry_run follows", usage: true},
		{args: []string{"-json", "--n=3"}, err: "-json needs a value, but the option -n follows", usage: true},
		{args: []string{"a", "-json=~/a"}, err: "-json ~/a: the shell did not replace ~. Fix: write the whole path, or ./~/a for a folder of the name ~", usage: true},
		{args: []string{"-dry_run", "False"}, err: "-dry_run is a switch, whose value follows =. Fix: -dry_run=false", usage: true},
		{args: []string{"-n", "-3", "-json", "-", "-dry_run", "a", "--", "-json", "-n"}, paths: []string{"a", "-json", "-n"}},
		{args: []string{"-json", "-x", "-json=-n", "-n"}, err: "-n needs a value", usage: true},
		{args: []string{"-n", "x"}, err: `invalid value "x" for flag -n: want an integer`, usage: true},
		{args: []string{"-rate", "5m"}, err: `invalid value "5m" for flag -rate: want a number`, usage: true},
		{args: []string{"-timeout", "5"}, err: `invalid value "5" for flag -timeout: want a time such as 30s or 5m`, usage: true},
		{args: []string{"-dry_run=yes"}, err: `invalid boolean value "yes" for -dry_run: want true or false`, usage: true},
	} {
		f := NewFlags("try", "")
		f.Int("n", 0, "count `N`")
		f.Duration("timeout", 0, "wait for `TIME`")
		f.String("json", "", "write `FILE`")
		f.Float64("rate", 0, "learn at `N`")
		f.Bool("dry_run", false, "write nothing")
		var paths []string
		err := f.ParseMixed(c.args, &paths)
		if got := fmt.Sprint(err); err != nil && got != c.err || err == nil && c.err != "" || IsUsage(err) != c.usage {
			t.Errorf("%q: %v, want %q", c.args, err, c.err)
		}
		if err == nil && !slices.Equal(paths, c.paths) {
			t.Errorf("%q: paths %q, want %q", c.args, paths, c.paths)
		}
	}
}

func TestHelp(t *testing.T) {
	fs := flag.NewFlagSet("try", flag.ContinueOnError)
	fs.String("foreign", "", "hidden")
	fs.String("shown", "", "read `FILE`")
	f := Wrap(fs, "Try things.\n")
	f.Group("Second things", "late", "shown")
	f.Int("late", 7, "use `N` threads")
	f.Group("Images")
	f.Bool("fast", false, "work fast")
	f.String("out", "x", "write to `DIR`, "+strings.Repeat("and so on ", 8)+"(default: nowhere)")
	f.Brief("No effect", "old", "older")
	f.Bool("old", false, "")
	f.Bool("older", false, "")
	f.Group("Images")
	f.Bool("again", false, "repeat")
	f.Group("Empty", "late2")
	f.Int("late2", 0, "`N` of nothing")
	f.Bool("rest", true, "do the rest")
	var out bytes.Buffer
	if status := f.Report(f.Parse([]string{"-h"}), &out, nil); status != Done {
		t.Errorf("exit status %d for -h", status)
	}
	const want = `Try things.

Second things:
  -late N
        use N threads (default 7)
  -shown FILE
        read FILE

Images:
  -fast
        work fast
  -out DIR
        write to DIR, and so on and so on and so on and so on and so on and so on and so
        on and so on (default: nowhere)
  -again
        repeat

No effect:
  -old -older

Empty:
  -late2 N
        N of nothing

Other options:
  -version
        print the versions of the program and its libraries
  -rest
        do the rest (default true)
`
	if out.String() != want {
		t.Errorf("help is\n%s\nwant\n%s", out.String(), want)
	}
}

func TestGoRun(t *testing.T) {
	for exe, want := range map[string]bool{
		"/tmp/go-build3629460729/b001/exe/infer":                                                            true,
		"/root/.cache/go-build/bd/bd2503f61f66f1d97c6bfcf0860a0586fd82d870acd88d1ed3c790a262d4ed97-d/infer": true,
		"/usr/local/bin/infer":                     false,
		"/tmp/go-build362/b001/infer.test":         false,
		"/home/me/.cache/cyclegan/bin/train-1a2b3": false,
	} {
		if got := fromGoRun.MatchString(exe); got != want {
			t.Errorf("%s: started by go run: %v, want %v", exe, got, want)
		}
	}
	if got := Program("infer"); got != "infer" {
		t.Errorf("a binary advises %q", got)
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	Version(&out, "try")
	for _, want := range []string{"try ", "revision: ", "go: go1.", "ONNX Runtime: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %q", want, out.String())
		}
	}
}
