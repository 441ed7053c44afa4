package pipeline

import (
	"context"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
)

// Namespace is the namespace of the metrics. NotesNamespace has a counter for each note about
// images, named by the text of the note.
const (
	Namespace      = "cyclegan"
	NotesNamespace = "cyclegan.notes"
)

// times are the names of the durations per image, in milliseconds: reading the file, decoding, the
// model, encoding, writing the file.
var times = []string{"read_ms", "decode_ms", "convert_ms", "encode_ms", "write_ms"}

// Times returns the names of the durations, in the order of the work.
func Times() []string { return times }

func count(ctx context.Context, name string, n int) {
	beam.NewCounter(Namespace, name).Inc(ctx, int64(n))
}

func (o *outcome) measure(ctx context.Context) {
	count(ctx, "bytes_read", o.in)
	switch {
	case o.Skipped:
		count(ctx, "images_skipped", 1)
		return
	case o.Err != nil:
		count(ctx, "images_failed", 1)
		return
	}
	count(ctx, "images_converted", 1)
	count(ctx, "bytes_written", o.out)
	if o.Tiling.Tiles > 1 {
		count(ctx, "images_in_tiles", 1)
	}
	if o.Tiling.CopyWidth > 0 {
		count(ctx, "images_with_detail_from_input", 1)
	}
	for _, note := range o.Notes {
		beam.NewCounter(NotesNamespace, note).Inc(ctx, 1)
	}
	for i, took := range []time.Duration{o.fetch, o.Read, o.Run, o.Write, o.put} {
		beam.NewDistribution(Namespace, times[i]).Update(ctx, took.Milliseconds())
	}
}

// Time is a duration per image: the number of images, and the sum, minimum and maximum in
// milliseconds.
type Time struct {
	Count int64 `json:"count"`
	Sum   int64 `json:"sum"`
	Min   int64 `json:"min"`
	Max   int64 `json:"max"`
}

// Measured holds the metrics over all workers.
type Measured struct {
	Counters map[string]int64 `json:"counters"`
	Notes    map[string]int64 `json:"notes"`
	Times    map[string]Time  `json:"times_ms"`
}

// Measure returns the metrics of a pipeline that has run. Known is false if the runner keeps none.
func Measure(r beam.PipelineResult) (m Measured, known bool) {
	m = Measured{map[string]int64{}, map[string]int64{}, map[string]Time{}}
	all := r.Metrics().AllMetrics()
	for _, c := range all.Counters() {
		switch c.Namespace() {
		case Namespace:
			m.Counters[c.Name()] += c.Result()
		case NotesNamespace:
			m.Notes[c.Name()] += c.Result()
		}
	}
	for _, d := range all.Distributions() {
		if d.Namespace() == Namespace {
			m.Times[d.Name()] = m.Times[d.Name()].add(d.Result())
		}
	}
	return m, len(m.Counters) > 0
}

func (t Time) add(d metrics.DistributionValue) Time {
	switch {
	case d.Count == 0:
		return t
	case t.Count == 0:
		return Time(d)
	}
	return Time{t.Count + d.Count, t.Sum + d.Sum, min(t.Min, d.Min), max(t.Max, d.Max)}
}
