//go:build tensorflow

package train

import (
	"strings"
	"testing"
)

// Tracing does not change a step, and the record has both runs.
func TestTracedStep(t *testing.T) {
	var all [2][]Losses
	for i := range all {
		trainer, data := open(t, tiny(t))
		if trainer.Trace() != nil {
			t.Error("there is a record before the first step")
		}
		all[i] = run(t, trainer, data, 1)
		if i == 1 {
			trainer.TraceNext()
		}
		all[i] = append(all[i], run(t, trainer, data, 3)...)
		step := trainer.Trace()
		if i == 0 {
			if step != nil {
				t.Error("a step was recorded without TraceNext")
			}
			continue
		}
		if step.Number != 2 || len(step.Runs) != 2 || step.Runs[0].Name != "generators" || step.Runs[1].Name != "discriminators" {
			t.Fatalf("record of step %d with %d runs", step.Number, len(step.Runs))
		}
		var table strings.Builder
		if err := step.Fprint(&table); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"Conv2DBackpropFilter", "ResourceApplyAdam"} {
			if !strings.Contains(table.String(), kind) {
				t.Errorf("no %s in\n%s", kind, table.String())
			}
		}
	}
	for i := range all[0] {
		if all[0][i] != all[1][i] {
			t.Errorf("step %d: %v with a record, %v without", i+1, all[1][i], all[0][i])
		}
	}
}
