//go:build tensorflow

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cyclegan/infer/atomicfile"
	"cyclegan/train"
)

// profileAfter is how many steps a process makes before the one that -profile
// records: TensorFlow prepares itself in the first, and its memory settles in
// those after it.
const profileAfter = 3

// profile is a hook that has the step recorded, and then shows the record.
func (a *attached) profile(p train.Progress) error {
	switch a.made++; a.made {
	case profileAfter:
		p.Trainer.TraceNext()
	case profileAfter + 1:
		a.tried("the profile", p.Step, a.writeProfile(p.Trainer))
	}
	return nil
}

func (a *attached) writeProfile(t *train.Trainer) error {
	step := t.Trace()
	path := filepath.Join(a.opts.Dir(), profileFile)
	if err := atomicfile.Write(path, func(w io.Writer) error { return step.WriteTrace(w) }); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	a.meter.say("profile: " + path + " opens in ui.perfetto.dev or chrome://tracing")
	return step.Fprint(os.Stdout)
}

// missedProfile says that the run ended before the step that was to be recorded.
func (a *attached) missedProfile() {
	if a.command.profile && a.made <= profileAfter {
		at := a.trainer.Steps() + int64(profileAfter+1-a.made)
		a.meter.say(fmt.Sprintf("profile: no step is recorded: it would have been step %d, and the run ends before", at))
	}
}
