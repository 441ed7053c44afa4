package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBar(t *testing.T) {
	var buf bytes.Buffer
	b := start(&buf, true, 2, "images")
	b.Step()
	b.Printf("failed: %s\n", "damaged")
	b.Step()
	b.Finish()
	b.Finish()
	for _, want := range []string{"(1/2", "failed: damaged\n"} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("%q is missing in %q", want, buf.String())
		}
	}
}

func TestLines(t *testing.T) {
	var buf bytes.Buffer
	b := New(&buf, 3, "images")
	b.Step()
	b.begin = time.Now().Add(-2 * linePeriod)
	b.last = b.begin
	b.Step()
	b.Step()
	b.Finish()
	if want := "2 of 3 images, 0.2 per second, 5s left\n"; buf.String() != want {
		t.Errorf("printed %q, want %q", buf.String(), want)
	}
}
