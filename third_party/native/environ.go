package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Tag is the build tag of the packages and programs that need TensorFlow.
const Tag = "tensorflow"

// Environ is the environment, as KEY=VALUE, in which the go command builds and tests what needs TensorFlow, and in which that runs.
// It keeps the flags that the present environment and the go command's configuration have.
// Both libraries are fetched if they are missing, with progress to log; that a C compiler is there is checked first.
// Where there is no TensorFlow for the platform, it is the environment for everything else.
func Environ(ctx context.Context, log io.Writer) ([]string, error) {
	toBuild, toRun, err := environ(ctx, log)
	if errors.Is(err, ErrNoBuild) {
		ort, err := FetchONNXRuntime(ctx, log)
		if err != nil {
			return nil, err
		}
		return runEnviron(ort), nil
	}
	return append(toBuild, toRun...), err
}

// environ is Environ in two parts: what only the go command looks at, and what a finished program looks at, too.
func environ(ctx context.Context, log io.Writer) (toBuild, toRun []string, err error) {
	if err := possible(); err != nil {
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
	tf, err := FetchTensorFlow(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	ort, err := FetchONNXRuntime(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	toBuild = append(append(s.path, compiler...),
		"GOFLAGS="+withTag(s.GOFLAGS, Tag),
		"CGO_CFLAGS="+withFlags(s.CGO_CFLAGS, includes(tf, runtime.GOOS)...),
		"CGO_LDFLAGS="+withFlags(s.CGO_LDFLAGS, linking(tf, runtime.GOOS)...),
		EnvTensorFlow+"="+tf)
	return toBuild, runEnviron(ort), nil
}

// possible finds, before anything is fetched, that there is nothing to fetch or that something is set wrongly.
func possible() error {
	if _, err := FindTensorFlow(); errors.Is(err, ErrNoBuild) || err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if _, err := FindONNXRuntime(); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	dir, variable := os.Getenv(EnvTensorFlow), EnvTensorFlow
	if dir == "" {
		cache, err := CacheDir()
		if err != nil {
			return err
		}
		dir, variable = cache, EnvCache
	}
	if strings.ContainsAny(dir, ",'\"") {
		return withMend(fmt.Errorf("the linker's flags cannot hold the comma or quote in %s", dir), "set %s to a folder without one", variable)
	}
	return nil
}

// runEnviron is what a finished program looks at.
func runEnviron(ort string) []string {
	level := os.Getenv("TF_CPP_MIN_LOG_LEVEL")
	if level == "" {
		// below errors, TensorFlow talks about itself
		level = "2"
	}
	return []string{EnvONNXRuntime + "=" + ort, "TF_CPP_MIN_LOG_LEVEL=" + level}
}

func includes(tf, goos string) []string {
	include := filepath.Join(tf, "include")
	flags := []string{"-I" + include}
	if goos == "darwin" {
		flags = append(flags, "-I"+filepath.Join(include, "tensorflow", "compiler"))
	}
	return flags
}

// linking are the linker's flags. They reach every program with C parts, those without TensorFlow as well,
// so that on Linux the libraries are only linked where they are used.
func linking(tf, goos string) []string {
	lib := filepath.Join(tf, "lib")
	flags := []string{"-L" + lib, "-Wl,-rpath," + lib}
	if goos == "linux" {
		flags = append(flags, "-Wl,--as-needed")
		// what the arm64 build of TensorFlow needs itself
		if more := filepath.Join(tf, "tensorflow.libs"); isDir(more) {
			flags = append(flags, "-Wl,-rpath-link,"+more)
		}
	}
	return append(flags, "-ltensorflow", "-ltensorflow_framework")
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
