package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// goPath is the go command: the one on PATH, else the one that built this program.
func goPath() (string, error) {
	path, err := exec.LookPath("go")
	if err == nil {
		return path, nil
	}
	//lint:ignore SA1019 "go run" by its full path works without PATH, and then there is nothing else to go by
	if path, err := exec.LookPath(filepath.Join(runtime.GOROOT(), "bin", "go")); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	return "", withMend(errors.New("the go command is not on PATH"), "export PATH=$PATH:/usr/local/go/bin")
}

// goSettings are what the go command itself would use, by the environment, its own configuration file and its defaults.
type goSettings struct {
	GOFLAGS, CGO_CFLAGS, CGO_LDFLAGS, CGO_ENABLED, CC string

	// path is the setting of PATH that a go command from elsewhere needs
	path []string
}

func readGoSettings(ctx context.Context) (goSettings, error) {
	var s goSettings
	goCommand, err := goPath()
	if err != nil {
		return s, err
	}
	if _, err := exec.LookPath("go"); err != nil {
		s.path = []string{"PATH=" + os.Getenv("PATH") + string(filepath.ListSeparator) + filepath.Dir(goCommand)}
	}
	out, err := exec.CommandContext(ctx, goCommand, "env", "-json", "GOFLAGS", "CGO_CFLAGS", "CGO_LDFLAGS", "CGO_ENABLED", "CC").Output()
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

// compiler checks that cgo can work and returns the settings that it takes, if any.
func (s goSettings) compiler() ([]string, error) {
	cc, _, _ := strings.Cut(s.CC, " ")
	if _, err := exec.LookPath(cc); cc != "" && err == nil {
		if s.CGO_ENABLED == "0" {
			return nil, withMend(errors.New("cgo is switched off by CGO_ENABLED=0, and TensorFlow is linked with it"), "unset CGO_ENABLED; go env -u CGO_ENABLED")
		}
		return nil, nil
	}
	if os.Getenv("CC") == "" {
		// the go command looks for one name only
		for _, other := range []string{"gcc", "clang", "cc"} {
			if _, err := exec.LookPath(other); err == nil {
				return []string{"CC=" + other, "CGO_ENABLED=1"}, nil
			}
		}
	}
	return nil, withMend(fmt.Errorf("no C compiler: %s is not installed, and cgo needs one to link TensorFlow", cc), "%s", installHint("compiler"))
}

// withTag adds a build tag to GOFLAGS, in which only the last -tags counts.
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

// withFlags adds flags to a list of the go command's form, in which a flag with a space is quoted. What is there is not added again.
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
