package pipeline

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"cyclegan/infer/batch"
)

func init() {
	register.DoFn4x1[context.Context, []byte, func(Job), func(Letter), error](&planFn{})
}

type planFn struct{ Options Options }

// ProcessElement emits the jobs, and the folders that cannot be read.
func (f *planFn) ProcessElement(ctx context.Context, _ []byte, emit func(Job), fail func(Letter)) error {
	plan, err := Plan(ctx, &f.Options, false)
	if err != nil {
		return err
	}
	for _, j := range plan.Jobs {
		emit(Job(j))
	}
	for _, u := range plan.Unread {
		count(ctx, "folders_unreadable", 1)
		fail(Letter{u.Path, u.Err.Error()})
	}
	return nil
}

// Plan plans like [batch.NewPlan], and like [batch.DryPlan] if dry is true.
func Plan(ctx context.Context, o *Options, dry bool) (*batch.Plan, error) {
	if err := o.validatePlan(); err != nil {
		return nil, err
	}
	switch {
	case !isLocal(o.Inputs[0]):
		return planRemote(ctx, o)
	case !isLocal(o.Output):
		return planUpload(o)
	case dry:
		return batch.DryPlan(o.Inputs, o.Output, o.Format)
	}
	return batch.NewPlan(o.Inputs, o.Output, o.Format)
}

// planUpload plans for local images and an output in an object store.
func planUpload(o *Options) (*batch.Plan, error) {
	// A folder that does not exist, only for the names.
	nowhere := filepath.Join(os.TempDir(), fmt.Sprintf("cyclegan-plan-%d", os.Getpid()))
	plan, err := batch.DryPlan(o.Inputs, nowhere, o.Format)
	if err != nil {
		return nil, err
	}
	for _, list := range [][]batch.Job{plan.Jobs, plan.Renamed} {
		for i := range list {
			rel, err := filepath.Rel(nowhere, list[i].Output)
			if err != nil {
				return nil, fmt.Errorf("plan %q: %w", list[i].Input, err)
			}
			list[i].Output = below(o.Output, rel)
		}
	}
	return plan, nil
}

// below returns the path of a file in a folder. rel has local separators.
func below(folder, rel string) string {
	if isLocal(folder) {
		return filepath.Join(folder, rel)
	}
	return strings.TrimRight(folder, "/") + "/" + filepath.ToSlash(rel)
}

func planRemote(ctx context.Context, o *Options) (*batch.Plan, error) {
	list := listing{output: strings.TrimRight(o.Output, "/"), seen: map[string]bool{}}
	for _, input := range o.Inputs {
		if err := list.input(ctx, input); err != nil {
			return nil, err
		}
	}
	list.place()
	if len(list.files) == 0 {
		return nil, fmt.Errorf("no images in %s (jpg, png, gif, bmp, tiff or webp)", strings.Join(o.Inputs, ", "))
	}
	// These systems usually ignore case in names.
	fold := isLocal(o.Output) && (runtime.GOOS == "windows" || runtime.GOOS == "darwin")
	plan, err := batch.PlanNames(list.files, o.Format, fold)
	if err != nil {
		return nil, err
	}
	plan.Unsupported = list.others
	inputs := map[string]bool{}
	for _, j := range plan.Jobs {
		inputs[j.Input] = true
	}
	for _, jobs := range [][]batch.Job{plan.Jobs, plan.Renamed} {
		for i := range jobs {
			jobs[i].Output = below(o.Output, jobs[i].Output)
			if inputs[jobs[i].Output] {
				return nil, fmt.Errorf("%q would be overwritten by the result of %q\nFix: choose another output folder", jobs[i].Output, jobs[i].Input)
			}
		}
	}
	return plan, nil
}

// place gives each of several input folders a folder of its own in the output.
func (l *listing) place() {
	if len(l.trees) < 2 {
		return
	}
	used := map[string]bool{}
	for _, t := range l.trees {
		base := path.Base(t.folder)
		name := base
		for n := 2; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		used[name] = true
		for i := t.first; i < t.end; i++ {
			l.files[i].Output = filepath.Join(name, l.files[i].Output)
		}
	}
}
