package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"cyclegan/third_party/native"
)

// Tag is the build tag of the packages and programs that need TensorFlow.
const Tag = "tensorflow"

// Environ returns the environment, as KEY=VALUE, in which the go command builds and tests what
// needs TensorFlow and in which the result runs. It extends the flags of the current environment
// and of the go command's configuration. It first checks that a C compiler exists, then fetches
// missing libraries, with progress to log. On a platform without TensorFlow it is the environment
// for everything else. Weights that cannot be fetched are reported to log: only some tests need
// them.
func Environ(ctx context.Context, log io.Writer) ([]string, error) {
	toBuild, toRun, err := environ(ctx, log)
	if errors.Is(err, native.ErrNoBuild) {
		var ort string
		ort, err = ONNXRuntime(ctx, log)
		toBuild, toRun = nil, runEnviron(ort)
	}
	if err != nil {
		return nil, err
	}
	settings := append(toBuild, toRun...)
	weights, err := Features(ctx, log)
	if err != nil {
		fmt.Fprintf(log, "continuing without the weights of the features: %v\n", err)
		return settings, ctx.Err()
	}
	return append(settings, native.EnvFeatures+"="+weights), nil
}

// environ is Environ in two parts: what only the go command reads, and what a finished program
// reads too.
func environ(ctx context.Context, log io.Writer) (toBuild, toRun []string, err error) {
	if err := checkFirst(); err != nil {
		return nil, nil, err
	}
	s, err := readGoSettings(ctx)
	if err != nil {
		return nil, nil, err
	}
	compiler, err := s.compiler()
	if err != nil {
		return nil, nil, err
	}
	tf, err := TensorFlow(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	ort, err := ONNXRuntime(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	toBuild = append(compiler,
		"GOFLAGS="+withTag(s.GOFLAGS, Tag),
		"CGO_CFLAGS="+withFlags(s.CGO_CFLAGS, includes(tf, runtime.GOOS)...),
		"CGO_LDFLAGS="+withFlags(s.CGO_LDFLAGS, linking(tf, runtime.GOOS)...),
		native.EnvTensorFlow+"="+tf)
	return toBuild, runEnviron(ort), nil
}

// checkFirst reports, before anything is fetched, that the platform has no TensorFlow or that a
// setting is wrong.
func checkFirst() error {
	_, err := native.FindTensorFlow()
	if errors.Is(err, native.ErrNoBuild) || err != nil && !errors.Is(err, native.ErrNotFound) {
		return err
	}
	if _, err := native.FindONNXRuntime(); err != nil && !errors.Is(err, native.ErrNotFound) {
		return err
	}
	if _, err := native.FindFeatures(); err != nil && !errors.Is(err, native.ErrNotFound) {
		return err
	}
	dir, variable := os.Getenv(native.EnvTensorFlow), native.EnvTensorFlow
	if dir == "" {
		cache, err := native.CacheDir()
		if err != nil {
			return err
		}
		dir, variable = cache, native.EnvCache
	}
	if strings.ContainsAny(dir, ",'\"") {
		return fmt.Errorf("linker flags cannot contain the comma or quote in %s\nFix: set %s to a folder without one",
			dir, variable)
	}
	return nil
}

// runEnviron returns the settings that the libraries read when a process starts. A user's own
// values win.
func runEnviron(ort string) []string {
	settings := []string{native.EnvONNXRuntime + "=" + ort}
	for _, s := range []struct{ name, value string }{
		{"TF_CPP_MIN_LOG_LEVEL", "2"}, // errors only
	} {
		if value := os.Getenv(s.name); value != "" {
			s.value = value
		}
		settings = append(settings, s.name+"="+s.value)
	}
	return settings
}

func includes(tf, goos string) []string {
	include := filepath.Join(tf, "include")
	flags := []string{"-I" + include}
	if goos == "darwin" {
		flags = append(flags, "-I"+filepath.Join(include, "tensorflow", "compiler"))
	}
	return flags
}

// linking returns the linker's flags. They apply to every program with C parts, also to those
// without TensorFlow, so on Linux they link the libraries only where they are used.
func linking(tf, goos string) []string {
	lib := filepath.Join(tf, "lib")
	flags := []string{"-L" + lib, "-Wl,-rpath," + lib}
	if goos == "linux" {
		flags = append(flags, "-Wl,--as-needed")
		// The arm64 build of TensorFlow depends on a library in this folder.
		more := filepath.Join(tf, "tensorflow.libs")
		if info, err := os.Stat(more); err == nil && info.IsDir() {
			flags = append(flags, "-Wl,-rpath-link,"+more)
		}
	}
	return append(flags, "-ltensorflow", "-ltensorflow_framework")
}

// goSettings holds the go command's own settings: from the environment, its configuration file or
// its defaults.
type goSettings struct {
	GOFLAGS, CGO_CFLAGS, CGO_LDFLAGS, CGO_ENABLED, CC string
}

func readGoSettings(ctx context.Context) (goSettings, error) {
	var s goSettings
	if _, err := exec.LookPath("go"); err != nil {
		return s, errors.New("the go command is not on PATH\nFix: export PATH=$PATH:/usr/local/go/bin")
	}
	out, err := exec.CommandContext(ctx, "go", "env", "-json",
		"GOFLAGS", "CGO_CFLAGS", "CGO_LDFLAGS", "CGO_ENABLED", "CC").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return s, fmt.Errorf("go env: %w", err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("go env: %w", err)
	}
	return s, nil
}

// compiler checks that cgo works and returns the settings that it needs, if any.
func (s goSettings) compiler() ([]string, error) {
	cc, _, _ := strings.Cut(s.CC, " ")
	if _, err := exec.LookPath(cc); cc != "" && err == nil {
		if s.CGO_ENABLED == "0" {
			return nil, errors.New("CGO_ENABLED=0 disables cgo, which links TensorFlow\n" +
				"Fix: unset CGO_ENABLED; go env -u CGO_ENABLED")
		}
		return nil, nil
	}
	if os.Getenv("CC") == "" {
		// The go command looks for one name only.
		for _, other := range []string{"gcc", "clang", "cc"} {
			if _, err := exec.LookPath(other); err == nil {
				return []string{"CC=" + other, "CGO_ENABLED=1"}, nil
			}
		}
	}
	return nil, fmt.Errorf("no C compiler: %s is not installed, and cgo needs one to link TensorFlow\nFix: %s",
		cc, installHint("compiler"))
}

// withTag adds a build tag to GOFLAGS, of which only the last -tags counts.
func withTag(goflags, tag string) string {
	var flags []string
	var tags []string
	for _, flag := range strings.Fields(goflags) {
		name, value, _ := strings.Cut(flag, "=")
		if name == "-tags" || name == "--tags" {
			tags = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
			continue
		}
		flags = append(flags, flag)
	}
	if slices.Contains(tags, tag) {
		return goflags
	}
	return strings.Join(append(flags, "-tags="+strings.Join(append(tags, tag), ",")), " ")
}

// withFlags adds the flags that are missing to a list in the go command's syntax, which quotes a
// flag that contains a space.
func withFlags(list string, flags ...string) string {
	for _, flag := range flags {
		if strings.ContainsAny(flag, " \t") {
			flag = "'" + flag + "'"
		}
		if !strings.Contains(" "+list+" ", " "+flag+" ") {
			list = strings.TrimSpace(list + " " + flag)
		}
	}
	return list
}
