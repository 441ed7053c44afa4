package native

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestEnviron(t *testing.T) {
	alone(t)
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
		t.Errorf("with everything there, it says %q", log.String())
	}
	want := map[string]string{
		"GOFLAGS":              "-buildvcs=false -tags=mine,tensorflow",
		"CGO_CFLAGS":           "-O3 -DMINE -I" + filepath.Join(tf, "include"),
		EnvTensorFlow:          tf,
		EnvONNXRuntime:         ort,
		"TF_CPP_MIN_LOG_LEVEL": "2",
	}
	got := settings(env)
	for name, value := range want {
		if !strings.HasPrefix(got[name], value) {
			t.Errorf("%s is %q, and should be %q", name, got[name], value)
		}
	}
	for _, flag := range []string{"-lmine", "-L" + filepath.Join(tf, "lib"), "-Wl,-rpath," + filepath.Join(tf, "lib"), "-ltensorflow"} {
		if !slices.Contains(strings.Fields(got["CGO_LDFLAGS"]), flag) {
			t.Errorf("CGO_LDFLAGS lacks %s: %q", flag, got["CGO_LDFLAGS"])
		}
	}

	// a command of these settings may ask for them again
	for name, value := range got {
		t.Setenv(name, value)
	}
	again, err := Environ(t.Context(), io.Discard)
	if err != nil || !slices.Equal(again, env) {
		t.Errorf("the settings in these settings are\n%v, %v\nand should be\n%v", again, err, env)
	}

	t.Setenv("TF_CPP_MIN_LOG_LEVEL", "0")
	if env, err := Environ(t.Context(), io.Discard); err != nil || settings(env)["TF_CPP_MIN_LOG_LEVEL"] != "0" {
		t.Errorf("a person's TF_CPP_MIN_LOG_LEVEL is not kept: %v, %v", env, err)
	}
}

// The go command has flags of its own where nobody sets any, and a setting replaces them.
func TestEnvironKeepsDefaults(t *testing.T) {
	alone(t)
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

// Everything that a person has to mend is told before anything is fetched; here a fetch would fail otherwise.
func TestEnvironChecksFirst(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T)
		words   []string
	}{
		{"no compiler", func(t *testing.T) { t.Setenv("CC", "nocc") }, []string{"no C compiler: nocc is not installed"}},
		{"cgo off", func(t *testing.T) { t.Setenv("CGO_ENABLED", "0") }, []string{"CGO_ENABLED=0", "unset CGO_ENABLED"}},
		{"wrong TensorFlow", func(t *testing.T) { t.Setenv(EnvTensorFlow, "/gone") }, []string{"/gone: the folder lacks"}},
		{"wrong ONNX Runtime", func(t *testing.T) { t.Setenv(EnvONNXRuntime, "/gone") }, []string{EnvONNXRuntime + "=/gone"}},
		{"comma", func(t *testing.T) { t.Setenv(EnvCache, "/a,b") }, []string{"comma or quote in /a,b", "set " + EnvCache}},
	}
	if _, err := here(tensorFlow, CPU); err != nil {
		t.Skip(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := alone(t)
			compilerIs(t, "mycc")
			test.prepare(t)
			_, err := Environ(t.Context(), io.Discard)
			wantError(t, err, test.words...)
			nothingInstalled(t, cache)
			if len(tree(t, cache)) > 0 {
				t.Error("a fetch was begun")
			}
		})
	}
}

func TestCompiler(t *testing.T) {
	alone(t)
	path := os.Getenv("PATH")
	t.Setenv("PATH", tools(t, "clang"))
	env, err := goSettings{CC: "gcc", CGO_ENABLED: "0"}.compiler()
	if err != nil || !slices.Equal(env, []string{"CC=clang", "CGO_ENABLED=1"}) {
		t.Errorf("with clang alone: %v, %v", env, err)
	}
	t.Setenv("CC", "gcc-99 -m64")
	_, err = goSettings{CC: "gcc-99 -m64", CGO_ENABLED: "0"}.compiler()
	wantError(t, err, "no C compiler: gcc-99 is not installed")
	t.Setenv("CC", "")
	if env, err := (goSettings{CC: "clang -m64", CGO_ENABLED: "1"}).compiler(); len(env) != 0 || err != nil {
		t.Errorf("with the compiler that is set: %v, %v", env, err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err = goSettings{CC: "gcc", CGO_ENABLED: "0"}.compiler()
	wantError(t, err, "no C compiler: gcc is not installed")
	t.Setenv("PATH", path)
}

// The go command can be called by its full path, with none on PATH.
func TestGoNotOnPath(t *testing.T) {
	alone(t)
	stubLibraries(t)
	t.Setenv("PATH", tools(t, "gcc"))
	env, err := Environ(t.Context(), io.Discard)
	if err != nil {
		t.Skip("these tests were built without the go command's place:", err)
	}
	if path := settings(env)["PATH"]; !strings.HasPrefix(path, os.Getenv("PATH")+string(filepath.ListSeparator)) {
		t.Errorf("PATH is %q", path)
	}
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
			t.Errorf("%q becomes %q, and should become %q", flags, got, want)
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
			t.Errorf("%q and %q become %q, and should become %q", test.list, test.flags, got, test.want)
		}
	}
}

func TestFlagsByPlatform(t *testing.T) {
	if got := includes("/tf", "darwin"); len(got) != 2 || got[1] != filepath.FromSlash("-I/tf/include/tensorflow/compiler") {
		t.Errorf("on macOS: %v", got)
	}
	if got := linking("/tf", "darwin"); slices.Contains(got, "-Wl,--as-needed") {
		t.Errorf("macOS' linker does not know these flags: %v", got)
	}
}

// compilerIs makes name the C compiler, without the need for one.
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
