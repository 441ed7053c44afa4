package batch

import (
	"os"
	"time"
)

// A Watcher plans the images that arrive in its inputs or change there. It looks at the inputs
// whenever it is asked, which works on every file system, network shares included:
//
//	w := batch.NewWatcher([]string{"incoming"}, "winter", "")
//	for range time.Tick(time.Second) {
//		plan, err := w.Next()
//		if err != nil {
//			return err
//		}
//		summary, err := converter.Run(ctx, plan)
//	}
type Watcher struct {
	inputs         []string
	output, format string
	began, fold    bool
	outputs        map[string]string // by input: an image that changes keeps its output
	planned        map[string]stamp  // the inputs as they were when Next planned them
	last           map[string]stamp  // the inputs as they were when Next last looked
	listed         map[string]bool   // what Next has listed in Unread or Unsupported
}

// A stamp changes when a file is written to.
type stamp struct {
	size int64
	time time.Time
}

// NewWatcher returns a Watcher of inputs, output and format as in [NewPlan]. The folders of the
// inputs may be empty.
func NewWatcher(inputs []string, output, format string) *Watcher {
	return &Watcher{
		inputs: inputs, output: output, format: format, outputs: map[string]string{},
		planned: map[string]stamp{}, last: map[string]stamp{}, listed: map[string]bool{},
	}
}

// Next returns a plan of the images that no plan before has covered, or that have changed since.
// The first plan covers every image that is there. An image that arrives later is planned when its
// size and time are the same as at the call before, so a file that is being written waits. Unread
// and Unsupported list only what no plan before has listed. AsPNG and SkippedLinks are those of the
// first plan.
func (w *Watcher) Next() (*Plan, error) {
	var p *planner
	var err error
	if w.began {
		p, err = newPlan(w.inputs, w.output, w.format, w.fold, w.outputs)
	} else {
		p, err = listed(w.inputs, w.output, w.format, true)
	}
	if err != nil {
		return nil, err
	}
	plan := p.Plan
	plan.Jobs, plan.Unread, plan.Unsupported, plan.Renamed = nil, nil, nil, nil
	if w.began {
		plan.AsPNG, plan.SkippedLinks = 0, 0 // they count all images and links again
	}
	seen := map[string]stamp{}
	isNew := map[string]bool{}
	for _, j := range p.Jobs {
		info, err := os.Stat(j.Input)
		if err != nil {
			continue // removed since it was listed
		}
		now := stamp{info.Size(), info.ModTime()}
		seen[j.Input] = now
		if now != w.planned[j.Input] && (!w.began || now == w.last[j.Input]) {
			w.planned[j.Input], w.outputs[j.Input] = now, j.Output
			isNew[j.Input] = true
			plan.Jobs = append(plan.Jobs, j)
		}
	}
	for _, j := range p.Renamed {
		if isNew[j.Input] {
			plan.Renamed = append(plan.Renamed, j)
		}
	}
	for _, f := range p.Unread {
		if !w.listed[f.Path] {
			plan.Unread = append(plan.Unread, f)
			w.listed[f.Path] = true
		}
	}
	for _, path := range p.Unsupported {
		if !w.listed[path] {
			plan.Unsupported = append(plan.Unsupported, path)
			w.listed[path] = true
		}
	}
	w.began, w.fold, w.last = true, p.fold, seen
	return &plan, nil
}
