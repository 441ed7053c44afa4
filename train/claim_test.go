package train

import (
	"strings"
	"testing"
)

func TestClaim(t *testing.T) {
	o := paper()
	o.CheckpointsDir = t.TempDir()
	if o.Claimed() {
		t.Error("a folder that does not exist is claimed")
	}
	release, err := o.Claim()
	if err != nil {
		t.Fatal(err)
	}
	if !o.Claimed() {
		t.Error("the folder is not claimed")
	}
	if _, err := o.Claim(); err == nil || !strings.Contains(err.Error(), "another process is training") {
		t.Errorf("a second claim: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if o.Claimed() {
		t.Error("the folder is still claimed")
	}
	release, err = o.Claim()
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestChanged(t *testing.T) {
	saved := paper()
	o := saved
	if changes := o.Changed(saved); len(changes) != 0 {
		t.Errorf("nothing changed: %v", changes)
	}
	o.LR, o.NEpochs = 1e-4, 7
	if got := strings.Join(o.Changed(saved), "; "); got != "-lr 0.0001, was 0.0002; -n_epochs 7, was 100" {
		t.Errorf("changes: %s", got)
	}
}
