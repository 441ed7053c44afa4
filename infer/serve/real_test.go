package serve

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"cyclegan/infer/batch"
	"cyclegan/infer/builtin"
	"cyclegan/infer/session"
)

// The answer to an image is the file that package batch, and so cmd/infer, writes for it. Tensors
// give what the network gives in a session.
func TestSameAsBatch(t *testing.T) {
	data, err := builtin.Model("AtoB")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(&Options{Sources: []Source{Fixed(Generator{Model: builtin.Name, Data: data})}, Poll: -1})
	if errors.As(err, new(*session.NotFoundError)) || errors.Is(err, session.ErrNoCgo) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	model, err := builtin.Open("AtoB", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	converter, err := batch.New(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, out := t.TempDir(), t.TempDir()
	names := []string{"orientation_6.jpg", "wide.png", "wide.tiff", "deep.png", "alpha.png", "lossy.webp", "palette.gif", "base.bmp", "cmyk.jpg"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(in, name), picture(t, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := batch.NewPlan([]string{in}, out, "")
	if err != nil {
		t.Fatal(err)
	}
	if summary, err := converter.Run(context.Background(), plan); err != nil || summary.Converted != len(names) {
		t.Fatal(err, summary)
	}
	for _, j := range plan.Jobs {
		want, err := os.ReadFile(j.Output)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/translate", bytes.NewReader(picture(t, filepath.Base(j.Input)))))
		if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("%s: status %d, %d bytes; the batch wrote %d other bytes", j.Input, w.Code, w.Body.Len(), len(want))
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/v2/models/summer2winter-AtoB", nil))
	const ports = `"inputs":[{"name":"input","datatype":"FP32","shape":[-1,3,-1,-1]}]`
	if !bytes.Contains(w.Body.Bytes(), []byte(ports)) {
		t.Errorf("metadata: %s", w.Body)
	}
}
