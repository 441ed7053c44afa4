package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC)

func record(step int64) Record {
	return Record{
		Step: step, Epoch: 1 + int(step/10), Time: noon.Add(time.Duration(step) * time.Second),
		SecondsPerStep: 0.35, LR: 2e-4, Losses: map[string]float64{"G_AB": 1 / float64(step+1), "D_A": 0.25},
	}
}

func newLog(t *testing.T, steps ...int64) (*Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.jsonl")
	l, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, s := range steps {
		if err := l.Append(record(s)); err != nil {
			t.Fatal(err)
		}
	}
	return l, path
}

func stepsIn(t *testing.T, path string) string {
	t.Helper()
	records, err := ReadLog(path)
	if err != nil {
		t.Fatal(err)
	}
	steps := []int64{}
	for _, r := range records {
		steps = append(steps, r.Step)
	}
	return fmt.Sprint(steps)
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLogLine(t *testing.T) {
	l, path := newLog(t)
	r := record(100)
	r.Losses["cycle_A"] = math.Inf(-1)
	r.LR = math.NaN()
	if err := l.Append(r); err != nil {
		t.Fatal(err)
	}
	const want = `{"step":100,"epoch":11,"time":"2026-01-31T12:01:40.123Z","seconds_per_step":0.35,"lr":null,` +
		`"losses":{"D_A":0.25,"G_AB":0.009900990099009901,"cycle_A":null}}` + "\n"
	if got := content(t, path); got != want {
		t.Errorf("line is\n%swant\n%s", got, want)
	}
	records, err := ReadLog(path)
	if err != nil || len(records) != 1 {
		t.Fatalf("read %d records, error %v", len(records), err)
	}
	got := records[0]
	if !math.IsNaN(got.Losses["cycle_A"]) || !math.IsNaN(got.LR) {
		t.Errorf("read null as %v and %v, want NaN", got.Losses["cycle_A"], got.LR)
	}
	if got.Step != 100 || got.Epoch != 11 || got.SecondsPerStep != 0.35 || got.Losses["G_AB"] != r.Losses["G_AB"] ||
		!got.Time.Equal(r.Time.Truncate(time.Millisecond)) {
		t.Errorf("read back %+v, want %+v", got, r)
	}
}

func TestAppendSetsZeroTime(t *testing.T) {
	l, path := newLog(t)
	before := time.Now().Truncate(time.Millisecond)
	if err := l.Append(Record{Step: 1}); err != nil {
		t.Fatal(err)
	}
	records, err := ReadLog(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := records[0].Time; got.Before(before) || got.After(time.Now()) {
		t.Errorf("time is %v, want the current time", got)
	}
}

func TestLogAfterAKill(t *testing.T) {
	whole, err := record(3).encode(noon)
	if err != nil {
		t.Fatal(err)
	}
	whole = append(whole, '\n')
	for _, left := range []int{0, 1, len(whole) / 2, len(whole) - 2, len(whole) - 1, len(whole)} {
		l, path := newLog(t, 1, 2)
		l.Close()
		if err := os.WriteFile(path, append([]byte(content(t, path)), whole[:left]...), 0o666); err != nil {
			t.Fatal(err)
		}
		kept, want := "[1 2]", "[1 2 4]"
		if left >= len(whole)-1 { // only the line feed is missing
			kept, want = "[1 2 3]", "[1 2 3 4]"
		}
		if got := stepsIn(t, path); got != kept {
			t.Errorf("%d bytes of a third line: read steps %s, want %s", left, got, kept)
		}
		l, err := OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(record(4)); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if got := stepsIn(t, path); got != want {
			t.Errorf("%d bytes of a third line: after Append the steps are %s, want %s", left, got, want)
		}
	}
}

func TestTruncateAfter(t *testing.T) {
	for _, test := range []struct {
		steps []int64
		after int64
		want  string
	}{
		{[]int64{10, 20, 30, 40}, 25, "[10 20 99]"},
		{[]int64{10, 20, 30, 40}, 20, "[10 20 99]"},
		{[]int64{10, 20}, 1000, "[10 20 99]"},
		{[]int64{10, 20}, -1, "[99]"},
		{[]int64{}, 5, "[99]"},
		{[]int64{30, 10, 40, 20}, 25, "[10 20 99]"}, // merged by hand
	} {
		l, path := newLog(t, test.steps...)
		if err := l.TruncateAfter(test.after); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(record(99)); err != nil {
			t.Fatal(err)
		}
		if got := stepsIn(t, path); got != test.want {
			t.Errorf("%v truncated after %d, then Append: %s, want %s", test.steps, test.after, got, test.want)
		}
		if names := list(t, filepath.Dir(path)); len(names) != 1 {
			t.Errorf("files are %q, want only the log", names)
		}
	}
}

func TestTruncateAfterKeepsUnknownFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	const kept = `{"step":1, "fid":77.3,"losses":{}}` + "\n\n"
	if err := os.WriteFile(path, []byte(kept+`{"step":2}`), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.TruncateAfter(1); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != strings.TrimSuffix(kept, "\n") {
		t.Errorf("log is %q, want the first line unchanged", got)
	}
}

func TestDamagedLog(t *testing.T) {
	for name, text := range map[string]string{
		"middle":   "{\"step\":1}\n{\"step\":\n{\"step\":3}\n",
		"no step":  "{\"step\":1}\n{}\n{\"step\":3}\n",
		"not JSON": "{\"step\":1}\nhello\n{\"step\":3}\n",
		"wrong":    "{\"step\":1}\n{\"step\":2,\"losses\":[1]}\n{\"step\":3}\n",
		"null":     "{\"step\":1}\nnull\n{\"step\":3}\n",
		"huge":     "{\"step\":1}\n" + strings.Repeat("x", maxLine+1),
	} {
		path := filepath.Join(t.TempDir(), "log.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, readErr := ReadLog(path)
		_, openErr := OpenLog(path)
		for _, err := range []error{readErr, openErr} {
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line 2") {
				t.Errorf("%s: error is %v, want the path and line 2", name, err)
			}
		}
		if got := content(t, path); got != text {
			t.Errorf("%s: the damaged log was changed", name)
		}
	}
}

func TestLogErrorsNameThePath(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none", "log.jsonl")
	_, openErr := OpenLog(missing)
	_, readErr := ReadLog(missing)
	_, historyErr := ReadHistory(missing)
	for _, err := range []error{openErr, readErr, historyErr} {
		if !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
			t.Errorf("error is %v, want the path once", err)
		}
	}
	l, path := newLog(t)
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for _, err := range []error{l.Append(record(1)), l.TruncateAfter(1)} {
		if !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), path) {
			t.Errorf("error of a closed log is %v", err)
		}
	}
}

func TestLogFromSeveralGoroutines(t *testing.T) {
	l, path := newLog(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				if err := l.Append(record(int64(50*i + j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	records, err := ReadLog(path)
	if err != nil || len(records) != 400 {
		t.Errorf("read %d records, error %v, want 400", len(records), err)
	}
}

func TestHistoryLosses(t *testing.T) {
	l, path := newLog(t)
	for step, losses := range []map[string]float64{
		{"D_B": 1, "swd": 9, "G_AB": 2},
		{"D_B": math.NaN(), "idt_A": 3, "G_AB": 4, "cycle_B": 5, "aux": 0},
	} {
		if err := l.Append(Record{Step: int64(10 * (step + 1)), Losses: losses}); err != nil {
			t.Fatal(err)
		}
	}
	history, err := ReadHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "[{G_AB [10 20] [2 4]} {cycle_B [20] [5]} {idt_A [20] [3]} {D_B [10 20] [1 NaN]} {aux [20] [0]} {swd [10] [9]}]"
	if got := fmt.Sprint(history.Losses()); got != want {
		t.Errorf("series are\n%s\nwant\n%s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	whole, err := record(3).encode(noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"step":1,"losses":{"G_AB":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		line, err := r.encode(noon)
		if err != nil {
			t.Fatalf("read %+v, but cannot write it: %v", r, err)
		}
		if !json.Valid(line) || strings.Contains(string(line), "\n") {
			t.Fatalf("line %q", line)
		}
	})
}

func BenchmarkLog(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log.jsonl")
	l, err := OpenLog(path)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := l.Append(record(int64(i))); err != nil {
			b.Fatal(err)
		}
	}
}

// An identity loss that is always 0 is none, but a discriminator loss of 0 is real.
func TestHistoryOmitsIdentityLossOfZero(t *testing.T) {
	for want, idt := range map[string]float64{"[G_AB D_A]": 0, "[G_AB idt_A D_A]": 0.1} {
		h := &History{}
		h.Add(Record{Step: 1, Losses: map[string]float64{"G_AB": 1, "idt_A": 0, "D_A": 0}})
		h.Add(Record{Step: 2, Losses: map[string]float64{"G_AB": 1, "idt_A": idt, "D_A": 0}})
		var names []string
		for _, s := range h.Losses() {
			names = append(names, s.Name)
		}
		if got := fmt.Sprint(names); got != want {
			t.Errorf("idt_A %g: losses %s, want %s", idt, got, want)
		}
	}
}
