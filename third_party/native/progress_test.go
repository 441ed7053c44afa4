package native

import (
	"bytes"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	var log bytes.Buffer
	p := newProgress(&log, "fetching it", 20e6)
	for i := range 100 {
		p.at(int64(i) * 1e5)
	}
	p.last = p.last.Add(-time.Minute)
	p.at(15e6)
	p.at(16e6)
	p.end()
	if got, want := log.String(), "fetching it (20 MB)\nfetching it: 15 MB of 20 MB, 75%\n"; got != want {
		t.Errorf("a file gets %q, and should get %q", got, want)
	}

	log.Reset()
	p = &progress{log: &log, what: "fetching it", total: 20e6, terminal: true}
	p.at(0)
	p.at(1e6)
	p.last = p.last.Add(-time.Second)
	p.at(5e6)
	p.end()
	if got, want := log.String(), "\rfetching it: 0.0 MB of 20 MB, 0%   \rfetching it: 5.0 MB of 20 MB, 25%   \n"; got != want {
		t.Errorf("a terminal gets %q, and should get %q", got, want)
	}
}
