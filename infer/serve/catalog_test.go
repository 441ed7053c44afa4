package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"cyclegan/infer"
)

func TestNameOf(t *testing.T) {
	for path, want := range map[string][2]string{
		"runs/monet/G_AB.onnx": {"monet", "AtoB"}, "runs/monet/G_BA.onnx": {"monet", "BtoA"},
		"zebra_AB.onnx": {"zebra", "AtoB"}, "zebra-BtoA.onnx": {"zebra", "BtoA"}, "zebra.a2b.onnx": {"zebra", "AtoB"},
		"zebra_G_BA.onnx": {"zebra", "BtoA"}, "crab.onnx": {"crab", ""}, "a b/ü ?.onnx": {"model", ""},
		"my model.v2.onnx": {"my-model.v2", ""}, "..onnx": {"model", ""},
	} {
		if model, direction := nameOf(path); model != want[0] || direction != want[1] {
			t.Errorf("%s: %q, %q; want %q", path, model, direction, want)
		}
	}
}

// ids returns the names of what a server offers.
func ids(s *Server) (list []string) {
	for _, n := range s.models.networks() {
		list = append(list, n.id)
	}
	return list
}

// Files in a folder come, change, and go. A version that cannot be opened leaves the previous one
// in place.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("monet/G_AB.onnx", "1")
	write("monet/README.md", "# Monet")
	write("monet/G_BA.onnx", "1")
	write("monet/notes.txt", "not a model")
	write(".hidden/G_AB.onnx", "1")
	opened := map[string]*fake{}
	s, err := newServer(&Options{Sources: []Source{Path(dir)}, Poll: -1}, func(g Generator, _ *infer.Options) (translator, error) {
		content, err := os.ReadFile(g.Path)
		if err != nil || string(content) == "damaged" {
			return nil, errors.New("damaged")
		}
		f := &fake{}
		opened[filepath.Base(g.Path)+string(content)] = f
		return f, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check := func(refreshes int, want ...string) {
		t.Helper()
		for range refreshes {
			if err := s.models.refresh(); err != nil {
				t.Fatal(err)
			}
		}
		if got := ids(s); !slices.Equal(got, want) {
			t.Errorf("models %q, want %q", got, want)
		}
	}
	check(0, "monet-AtoB", "monet-BtoA")
	if card := s.models.networks()[0].latest.Load().Card; card != "# Monet" {
		t.Errorf("card %q", card)
	}
	write("zebra.onnx", "1")
	check(1, "monet-AtoB", "monet-BtoA") // may still be written to
	check(1, "monet-AtoB", "monet-BtoA", "zebra-AtoB")
	write("sub/zebra.onnx", "1")
	check(2, "monet-AtoB", "monet-BtoA", "zebra-AtoB")
	if !opened["zebra.onnx1"].closed.Load() {
		t.Error("of two models with one name, the second is open")
	}
	write("monet/G_AB.onnx", "damaged")
	check(2, "monet-AtoB", "monet-BtoA", "zebra-AtoB")
	if opened["G_AB.onnx1"].closed.Load() {
		t.Error("a damaged version has replaced an intact one")
	}
	write("monet/G_AB.onnx", "version 2")
	check(2, "monet-AtoB", "monet-BtoA", "zebra-AtoB")
	if f := opened["G_AB.onnxversion 2"]; f == nil || !opened["G_AB.onnx1"].closed.Load() {
		t.Error("a new version has not replaced the old one")
	}
	os.Remove(filepath.Join(dir, "zebra.onnx"))
	os.Remove(filepath.Join(dir, "monet/G_BA.onnx"))
	check(2, "monet-AtoB", "zebra-AtoB") // the other zebra has its name now
	os.RemoveAll(dir)
	if err := s.models.refresh(); err == nil {
		t.Error("a folder that is gone is no error")
	}
	check(0, "monet-AtoB", "zebra-AtoB")
	s.Close()
	for name, f := range opened {
		if !f.closed.Load() {
			t.Errorf("%s is still open", name)
		}
	}
}

// A source that fails does not keep the others from changing.
func TestSourceFails(t *testing.T) {
	gone, other := t.TempDir(), t.TempDir()
	write := func(path string) {
		if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(gone, "monet.onnx"))
	s, err := newServer(&Options{Sources: []Source{Path(gone), Path(other)}, Poll: -1}, func(Generator, *infer.Options) (translator, error) {
		return &fake{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	os.RemoveAll(gone)
	write(filepath.Join(other, "zebra.onnx"))
	for range 2 {
		if err := s.models.refresh(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the error of the folder that is gone is %v", err)
		}
	}
	if got, want := ids(s), []string{"monet-AtoB", "zebra-AtoB"}; !slices.Equal(got, want) {
		t.Errorf("models %q, want %q", got, want)
	}
}

// A file that two sources find is one generator. Generators of one model need no direction if their
// networks record it.
func TestCollect(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "zebra.onnx")
	if err := os.WriteFile(path, []byte("AtoB"), 0o644); err != nil {
		t.Fatal(err)
	}
	pair := Fixed(Generator{Model: "seasons", Data: []byte("AtoB")}, Generator{Model: "seasons", Data: []byte("BtoA")})
	var opened []*fake
	s, err := newServer(&Options{Sources: []Source{Path(dir), Path(path), pair}, Poll: -1}, func(g Generator, _ *infer.Options) (translator, error) {
		opened = append(opened, &fake{info: infer.Info{Direction: string(g.Data)}})
		return opened[len(opened)-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		if got, want := ids(s), []string{"zebra-AtoB", "seasons-AtoB", "seasons-BtoA"}; !slices.Equal(got, want) {
			t.Errorf("models %q, want %q", got, want)
		}
		if err := s.models.refresh(); err != nil {
			t.Error(err)
		}
	}
	if len(opened) != 3 {
		t.Errorf("%d models were opened", len(opened))
	}
}

// versions is a source of one generator whose version changes.
type versions struct{ n int }

func (v *versions) Find() ([]Generator, error) {
	v.n++
	return []Generator{{Model: "m", Data: []byte{}, Version: fmt.Sprint(v.n / 2)}}, nil
}

// Requests use a model while it is replaced again and again. None runs a closed model, in which
// case the fake panics, and all old models are closed in the end.
func TestReplaceUnderLoad(t *testing.T) {
	var mu sync.Mutex
	var opened []*fake
	s, err := newServer(&Options{Sources: []Source{&versions{}}, Poll: -1}, func(Generator, *infer.Options) (translator, error) {
		mu.Lock()
		defer mu.Unlock()
		opened = append(opened, &fake{})
		return opened[len(opened)-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	base := picture(t, "base.png")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				w := httptest.NewRecorder()
				s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/translate", bytes.NewReader(base)))
				if w.Code != 200 {
					t.Errorf("status %d: %s", w.Code, w.Body)
					return
				}
			}
		})
	}
	for range 100 {
		if err := s.models.refresh(); err != nil {
			t.Error(err)
		}
	}
	cancel()
	clients.Wait()
	checkIdle(t, s)
	s.Close()
	if len(opened) < 50 {
		t.Errorf("%d versions", len(opened))
	}
	for i, f := range opened {
		if !f.closed.Load() {
			t.Errorf("version %d is still open", i)
		}
	}
}

// Unused generators beyond Options.MaxOpen are closed, and opened again when they are needed.
func TestMaxOpen(t *testing.T) {
	var opens []string
	s, err := newServer(&Options{Sources: []Source{pair("a"), pair("b")}, MaxOpen: 2, Poll: -1}, func(g Generator, _ *infer.Options) (translator, error) {
		opens = append(opens, g.Model+g.Direction)
		return &fake{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := s.models.count(); n != 2 {
		t.Errorf("%d generators are open at the start", n)
	}
	opens = nil
	for _, query := range []string{"?model=a", "?model=b", "?model=a", "?model=b&direction=BtoA", "?model=a", "?model=b"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/translate"+query, bytes.NewReader(picture(t, "base.png"))))
		if w.Code != 200 {
			t.Fatal(w.Body)
		}
		if n := s.models.count(); n != 2 {
			t.Errorf("after %s, %d generators are open", query, n)
		}
	}
	if want := []string{"aAtoB", "bAtoB", "bBtoA", "bAtoB"}; !slices.Equal(opens, want) {
		t.Errorf("opened %q, want %q", opens, want)
	}
}
