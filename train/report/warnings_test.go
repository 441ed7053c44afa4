package report

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWarnings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warnings.jsonl")
	w, err := OpenWarnings(path)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	early := Warning{Step: 3, Time: at, Title: "odd <b>", Text: "line\nbreak"}
	for _, v := range []Warning{early, {Step: 9, Time: at, Title: "later"}} {
		if err := w.Append(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.TruncateAfter(5); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(Warning{Step: 6}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWarnings(path)
	if err != nil || len(got) != 2 || got[0] != early || got[1].Step != 6 || got[1].Time.IsZero() {
		t.Errorf("read %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("{\"title\":\"no step\"}\n{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWarnings(path); err == nil {
		t.Error("OpenWarnings accepts a damaged file")
	}
}
