package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"cyclegan/infer/batch"
)

func TestProgressBar(t *testing.T) {
	var buf bytes.Buffer
	p := &progress{w: &buf, terminal: true}
	p.begin(&batch.Plan{Jobs: make([]batch.Job, 2)})
	p.done(batch.Result{Err: errors.New("read picture: damaged")})
	p.interrupted()
	p.done(batch.Result{})
	p.end()
	for _, want := range []string{"2 pictures to convert", "failed: read picture: damaged\n", "(1/2", "interrupted: finishing"} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("%q is missing in %q", want, buf.String())
		}
	}
}

func TestProgressLines(t *testing.T) {
	var buf bytes.Buffer
	p := &progress{w: &buf, width: 24, height: 16}
	p.begin(&batch.Plan{Jobs: make([]batch.Job, 3), Unsupported: 1, WebP: 1, Renamed: make([]batch.Job, 7)})
	p.done(batch.Result{Width: 25, Height: 10})
	p.begun = time.Now().Add(-2 * linePeriod)
	p.last = p.begun
	p.done(batch.Result{Width: 24, Height: 16})
	p.done(batch.Result{Width: 10, Height: 17})
	p.end()
	for _, want := range []string{
		"3 pictures to convert (1 other file passed over)", "1 picture in WebP", "and 2 more", "2 of 3 pictures, 0.2 a second, 5s left\n", "2 pictures larger than the only size that the model takes, 24x16",
	} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("%q is missing in %q", want, buf.String())
		}
	}
	if strings.Count(buf.String(), " a second") != 1 {
		t.Errorf("not one line of progress in %q", buf.String())
	}
}
