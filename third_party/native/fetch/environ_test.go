package fetch

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cyclegan/third_party/native"
)

func TestEnviron(t *testing.T) {
	isolate(t)
	tf, ort := stubLibraries(t)
	compilerIs(t, "mycc")
	t.Setenv("GOFLAGS", "-buildvcs=false -tags=mine")
	t.Setenv("CGO_CFLAGS", "-O3 -DMINE")
	t.Setenv("CGO_LDFLAGS", "-lmine")
	var log bytes.Buffer
	env, err := Environ(t.Context(), &log)
	if err != nil {
		t.Fatal(err)
	}
	if log.Len() > 0 {
		t.Errorf("with all libraries installed, the log is %q", log.String())
	}
	want := map[string]string{
		"GOFLAGS":              "-buildvcs=false -tags=mine,tensorflow",
		"CGO_CFLAGS":           "-O3 -DMINE -I" + filepath.Join(tf, "include"),
		native.EnvTensorFlow:   tf,
		native.EnvONNXRuntime:  ort,
		native.EnvFeatures:     ort,
		"TF_CPP_MIN_LOG_LEVEL": "2",
	}
	got := settings(env)
	for name, value := range want {
		if !strings.HasPrefix(got[name], value) {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	for _, flag := range []string{"-lmine", "-L" + filepath.Join(tf, "lib"), "-Wl,-rpath," + filepath.Join(tf, "lib"), "-ltensorflow"} {
		if !slices.Contains(strings.Fields(got["CGO_LDFLAGS"]), flag) {
			t.Errorf("CGO_LDFLAGS lacks %s: %q", flag, got["CGO_LDFLAGS"])
		}
	}

	// A command that runs with these settings may request them again.
	for name, value := range got {
		t.Setenv(name, value)
	}
	again, err := Environ(t.Context(), io.Discard)
	if err != nil || !slices.Equal(again, env) {
		t.Errorf("settings requested within the settings:\n%v, %v\nwant\n%v", again, err, env)
	}

	t.Setenv("TF_CPP_MIN_LOG_LEVEL", "0")
	if env, err := Environ(t.Context(), io.Discard); err != nil || settings(env)["TF_CPP_MIN_LOG_LEVEL"] != "0" {
		t.Errorf("the user's TF_CPP_MIN_LOG_LEVEL is overwritten: %v, %v", env, err)
	}
}

// A setting replaces the go command's default flags, so Environ must repeat them.
func TestEnvironKeepsDefaults(t *testing.T) {
	isolate(t)
	stubLibraries(t)
	compilerIs(t, "mycc")
	env, err := Environ(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if flags := settings(env)["CGO_CFLAGS"]; !strings.HasPrefix(flags, "-O2 -g -I") {
		t.Errorf("CGO_CFLAGS: %s", flags)
	}
}

// Whatever the user has to fix is reported before anything is fetched.
func TestEnvironChecksFirst(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T)
		texts   []string
	}{
		{"no compiler", func(t *testing.T) { t.Setenv("CC", "nocc") }, []string{"no C compiler: nocc is not installed"}},
		{"cgo off", func(t *testing.T) { t.Setenv("CGO_ENABLED", "0") }, []string{"CGO_ENABLED=0 disables cgo", "unset CGO_ENABLED"}},
		{"wrong TensorFlow", func(t *testing.T) { t.Setenv(native.EnvTensorFlow, "/gone") }, []string{"/gone: the folder lacks"}},
		{"wrong ONNX Runtime", func(t *testing.T) { t.Setenv(native.EnvONNXRuntime, "/gone") }, []string{native.EnvONNXRuntime + "=/gone"}},
		{"wrong weights", func(t *testing.T) { t.Setenv(native.EnvFeatures, "/gone") }, []string{native.EnvFeatures + "=/gone"}},
		{"comma", func(t *testing.T) { t.Setenv(native.EnvCache, "/a,b") }, []string{"comma or quote in /a,b", "set " + native.EnvCache}},
	}
	if _, err := native.Pick(native.TensorFlow, native.CPU); err != nil {
		t.Skip(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := isolate(t)
			compilerIs(t, "mycc")
			test.prepare(t)
			_, err := Environ(t.Context(), io.Discard)
			wantError(t, err, test.texts...)
			nothingInstalled(t, cache)
			if len(tree(t, cache)) > 0 {
				t.Error("a fetch has started")
			}
		})
	}
}

func TestCompiler(t *testing.T) {
	isolate(t)
	path := os.Getenv("PATH")
	t.Setenv("PATH", tools(t, "clang"))
	env, err := goSettings{CC: "gcc", CGO_ENABLED: "0"}.compiler()
	if err != nil || !slices.Equal(env, []string{"CC=clang", "CGO_ENABLED=1"}) {
		t.Errorf("only clang installed: %v, %v", env, err)
	}
	t.Setenv("CC", "gcc-99 -m64")
	_, err = goSettings{CC: "gcc-99 -m64", CGO_ENABLED: "0"}.compiler()
	wantError(t, err, "no C compiler: gcc-99 is not installed")
	t.Setenv("CC", "")
	if env, err := (goSettings{CC: "clang -m64", CGO_ENABLED: "1"}).compiler(); len(env) != 0 || err != nil {
		t.Errorf("configured compiler: %v, %v", env, err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err = goSettings{CC: "gcc", CGO_ENABLED: "0"}.compiler()
	wantError(t, err, "no C compiler: gcc is not installed")
	t.Setenv("PATH", path)
}

func TestGoNotOnPath(t *testing.T) {
	isolate(t)
	stubLibraries(t)
	t.Setenv("PATH", tools(t, "gcc"))
	_, err := Environ(t.Context(), io.Discard)
	wantError(t, err, "the go command is not on PATH")
}

func TestWithTag(t *testing.T) {
	for flags, want := range map[string]string{
		"":                             "-tags=tensorflow",
		"-mod=mod":                     "-mod=mod -tags=tensorflow",
		"-tags=a,b -v":                 "-v -tags=a,b,tensorflow",
		"--tags=a":                     "-tags=a,tensorflow",
		"-tags=":                       "-tags=tensorflow",
		"-tags=tensorflow -v":          "-tags=tensorflow -v",
		"-tags=a,tensorflow":           "-tags=a,tensorflow",
		"-ldflags=-tags=x -tags=a":     "-ldflags=-tags=x -tags=a,tensorflow",
		"-tags=tensorflow -v -tags=ab": "-v -tags=ab,tensorflow",
	} {
		if got := withTag(flags, "tensorflow"); got != want {
			t.Errorf("withTag(%q): %q, want %q", flags, got, want)
		}
	}
}

func TestWithFlags(t *testing.T) {
	for _, test := range []struct {
		list  string
		flags []string
		want  string
	}{
		{"", []string{"-La", "-lb"}, "-La -lb"},
		{"-O2", []string{"-La b"}, "-O2 '-La b'"},
		{"-O2 '-La b'", []string{"-La b"}, "-O2 '-La b'"},
		{"-Lab", []string{"-La"}, "-Lab -La"},
	} {
		if got := withFlags(test.list, test.flags...); got != test.want {
			t.Errorf("withFlags(%q, %q): %q, want %q", test.list, test.flags, got, test.want)
		}
	}
}

func TestFlagsByPlatform(t *testing.T) {
	if got := includes("/tf", "darwin"); len(got) != 2 || got[1] != filepath.FromSlash("-I/tf/include/tensorflow/compiler") {
		t.Errorf("includes on macOS: %v", got)
	}
	if got := linking("/tf", "darwin"); slices.Contains(got, "-Wl,--as-needed") {
		t.Errorf("the macOS linker does not support these flags: %v", got)
	}
}

// compilerIs makes the C compiler a file that exists but is never run.
func compilerIs(t *testing.T, name string) {
	t.Helper()
	t.Setenv("PATH", tools(t, name)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("CC", name)
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
}

func settings(env []string) map[string]string {
	m := map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		m[name] = value
	}
	return m
}
