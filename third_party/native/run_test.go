package native

import (
	"slices"
	"testing"
)

func TestOverlay(t *testing.T) {
	got := overlay([]string{"A=1", "B=2", "AB=3", "C"}, []string{"B=4", "D=5=6"})
	if want := []string{"A=1", "AB=3", "C", "B=4", "D=5=6"}; !slices.Equal(got, want) {
		t.Errorf("%q, and should be %q", got, want)
	}
}

func TestRunNothing(t *testing.T) {
	if _, err := Run(nil, nil); err == nil {
		t.Error("no command is no error")
	}
	_, err := Run([]string{"no such command"}, nil)
	if err == nil {
		t.Error("a command that is not there is no error")
	}
}
