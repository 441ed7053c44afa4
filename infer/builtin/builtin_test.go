package builtin

import (
	"errors"
	"strings"
	"testing"

	"cyclegan/infer"
	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

func TestModel(t *testing.T) {
	for direction, domains := range map[string][2]string{"AtoB": {"summer", "winter"}, "BtoA": {"winter", "summer"}} {
		data, err := Model(direction)
		if err != nil {
			t.Fatal(err)
		}
		network, err := onnx.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		m := session.Describe(network).Metadata
		if got := [2]string{m["cyclegan.domain_from"], m["cyclegan.domain_to"]}; got != domains || m["cyclegan.direction"] != direction {
			t.Errorf("%s turns %v, direction %q", direction, got, m["cyclegan.direction"])
		}
	}
	if _, err := Model("sideways"); err == nil {
		t.Error("an unknown direction is accepted")
	}
	if !strings.HasPrefix(Card(), "# The built-in model") {
		t.Errorf("the card begins with %.20q", Card())
	}
}

func TestOpen(t *testing.T) {
	model, err := Open("BtoA", nil)
	var missing *session.NotFoundError
	if errors.As(err, &missing) || errors.Is(err, session.ErrNoCgo) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if i := model.Info(); i.DomainTo != "summer" {
		t.Errorf("BtoA is %s", i.Name())
	}
	if _, err := Open("BtoA", &infer.Options{Detail: "x"}); err == nil {
		t.Error("invalid options are accepted")
	}
}
