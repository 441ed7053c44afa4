package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
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
		{plain, Failed, "try: disk full\n"},
		{fmt.Errorf("parse: %w", Usage(plain)), WrongUsage, "try: parse: disk full\nsee go run ./cmd/try -h for the options\n"},
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
