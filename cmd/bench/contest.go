package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// A contest is one comparison under way.
type contest struct {
	*command
	files    *files
	setting  setting
	shared   spec
	versions map[string]string
	players  []player // nil for those that are not timed
	results  []*result
	faults   faults      // found in f32, where this is bf16
	losses   [][]float64 // ours
	outputs  string      // file with ours
	exported error       // why PyTorch's own export is not there
}

// faults says of contenders that compute something else how, by name.
type faults map[string]string

// compare starts the contenders of a setting, makes sure that they agree, and
// lets them take turns.
func (c *command) compare(ctx context.Context, f *files, s setting, versions map[string]string) (*comparison, error) {
	found := faults{}
	if s.Precision == "bf16" {
		var err error
		if found, err = c.faultsInF32(ctx, f, s, versions); err != nil {
			return nil, err
		}
	}
	say("%s", s)
	t := &contest{command: c, files: f, setting: s, versions: versions, faults: found}
	defer t.close()
	if err := t.enterAll(ctx); err != nil {
		return nil, err
	}
	err := alternate(ctx, t.players, t.results, s.Rounds, s.units(), func(round int, r *result) {
		if round == 0 {
			t.checkFiles(r)
		}
		if r.Left == "" {
			say("  round %d of %d: %s %s", round+1, s.Rounds, r.Title, significant(r.Samples[len(r.Samples)-1]))
		}
	})
	return &comparison{Title: s.String(), Setting: s, Unit: s.unit(), Results: t.results}, err
}

// faultsInF32 are those of the same training step in f32: of a comparison
// before, or found now.
func (c *command) faultsInF32(ctx context.Context, f *files, s setting, versions map[string]string) (faults, error) {
	s.Precision = "f32"
	if found, ok := c.found[s.folder()]; ok {
		return found, nil
	}
	say("first in f32, to see whether the contenders agree: %s", s)
	t := &contest{command: c, files: f, setting: s, versions: versions}
	defer t.close()
	err := t.enterAll(ctx)
	return c.found[s.folder()], err
}

func (t *contest) close() {
	for _, p := range t.players {
		if p != nil {
			p.close()
		}
	}
}

// enterAll makes the contenders ready, and notes the faults of those that
// compute something else.
func (t *contest) enterAll(ctx context.Context) (err error) {
	if t.shared, err = t.files.spec(t.setting); err != nil {
		return err
	}
	list := slices.DeleteFunc(t.setting.contenders(), func(n contender) bool {
		return n.Script != "" && (t.python == "" || t.peers != nil && !slices.Contains(t.peers, n.Name))
	})
	if slices.ContainsFunc(list, func(n contender) bool { return n.Model }) {
		t.exported = t.exportByPyTorch(ctx)
	}
	found := faults{}
	for _, n := range list {
		r := &result{Name: n.Name, Title: n.Title, family: n.Family}
		var p player
		if fault := t.faults[n.Name]; fault != "" {
			r.Left = "in f32 " + fault
		} else if p, err = t.enter(ctx, n, r); err != nil {
			r.Left = err.Error()
		} else if r.Left != "" {
			found[n.Name] = r.Left
		}
		if r.Left != "" {
			if p != nil {
				p.close()
				p = nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			say("  %s: not timed: %s", n.Title, r.Left)
		}
		t.players, t.results = append(t.players, p), append(t.results, r)
	}
	if us := t.results[0]; us.Left != "" {
		return fmt.Errorf("our own side: %s", us.Left)
	}
	if t.found == nil {
		t.found = map[string]faults{}
	}
	t.found[t.setting.folder()] = found
	return nil
}

// say tells how far it is; results go to standard output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// enter makes a contender ready.
func (t *contest) enter(ctx context.Context, n contender, r *result) (player, error) {
	if n.Model && t.exported != nil {
		return nil, fmt.Errorf("PyTorch's own export is missing: %w", t.exported)
	}
	s := t.shared
	s.Contender = n.Name
	s.Out = t.out(n.Name)
	s.CheckOutput = filepath.Join(t.files.path(t.setting.folder()), n.Name+".f32")
	if t.setting.Work == workCold {
		return t.enterCold(ctx, n, s)
	}
	say("  %s: getting ready", n.Title)
	program, args, err := t.program(n)
	if err != nil {
		return nil, err
	}
	p, ready, err := startResident(ctx, s, t.log(n.Name), program, args...)
	if err != nil {
		return nil, err
	}
	maps.Copy(t.versions, ready.Versions)
	t.agree(n, r, s, ready)
	return p, nil
}

func (t *contest) out(name string) string { return t.files.path(t.setting.folder(), "out", name) }

func (t *contest) log(name string) string { return t.files.path(t.setting.folder(), name+".log") }

// program is the command of a contender that stays.
func (t *contest) program(n contender) (string, []string, error) {
	if n.Script != "" {
		return t.python, []string{t.files.path("peers", n.Script)}, nil
	}
	self, err := os.Executable()
	if t.setting.tensorFlow() {
		return self, []string{tensorFlowWorkerArgument}, err
	}
	return self, []string{workerArgument}, err
}

// agree compares what a contender computes with what ours does.
func (t *contest) agree(n contender, r *result, s spec, is *ready) {
	switch t.setting.Work {
	case workStep:
		if n.Name == ours {
			t.losses = is.Losses
			return
		}
		agreeLosses(r, t.losses, is.Losses, t.setting.Precision)
	case workConvert, workSession:
		// Ours writes none in work convert, where the bare session does.
		if t.outputs == "" {
			if n.Script == "" && (t.setting.Work == workSession || n.Name == bare) {
				t.outputs = s.CheckOutput
			}
			return
		}
		agreeOutputs(r, t.outputs, s.CheckOutput)
	}
}

// checkFiles compares the files of a contender's first round with ours.
func (t *contest) checkFiles(r *result) {
	if t.setting.Work != workConvert && t.setting.Work != workCold || r.Name == ours || r.Name == bare {
		return
	}
	if wrong := agreeFiles(t.out(ours), t.out(r.Name)); wrong != "" {
		r.Left, r.Samples = wrong, nil
		say("  %s: not timed: %s", r.Title, wrong)
	}
}

// exportByPyTorch writes PyTorch's own ONNX model of our weights.
func (t *contest) exportByPyTorch(ctx context.Context) error {
	say("  PyTorch exports its own ONNX model")
	s := t.shared
	s.Work, s.Contender = workExport, "pytorch"
	p, ready, err := startResident(ctx, s, t.log("export"), t.python, t.files.path("peers", "export.py"))
	if err != nil {
		return err
	}
	maps.Copy(t.versions, ready.Versions)
	p.close()
	return nil
}
