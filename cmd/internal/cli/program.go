package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"cyclegan/third_party/native"
	"cyclegan/third_party/native/fetch"
)

// envGoRun is set by [Start] for the program that a launcher under "go run" becomes.
const envGoRun = "CYCLEGAN_GO_RUN"

// goRun reports whether "go run" started this program, or the launcher that became it. The go
// command runs a program that it has just linked from a temporary folder, and later ones from its
// build cache.
var goRun = func() bool {
	exe, err := os.Executable()
	return os.Getenv(envGoRun) != "" || err == nil && fromGoRun.MatchString(filepath.ToSlash(exe))
}()

var fromGoRun = regexp.MustCompile(`/go-build\d+/b\d+/exe/[^/]+$|/[0-9a-f]{64}-d/[^/]+$`)

// Program returns what a person types to run one of the project's commands, for use in messages:
// `go run ./cmd/NAME` if this program was started that way, and the binary's name otherwise.
func Program(name string) string {
	info, ok := debug.ReadBuildInfo()
	own := ok && path.Base(info.Path) == name
	switch {
	case goRun && own && info.Main.Path == info.Path: // a module of its own, run in its folder
		return "go run ."
	case goRun:
		return "go run ./cmd/" + name
	case own:
		return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	return name
}

// Start turns this process into the program of the package pkg built with TensorFlow, as
// [fetch.Start] does, and lets that program name commands as this one does. It does not return.
func Start(pkg string) {
	if goRun {
		os.Setenv(envGoRun, "1")
	}
	fetch.Start(pkg)
}

// Context returns a context that the first Ctrl-C, SIGTERM or SIGHUP ends; the second one ends the
// process.
func Context() (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Version prints the versions of the command called name, of its sources and its libraries.
func Version(w io.Writer, name string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := cmp.Or(strings.TrimSpace(settings["vcs.revision"]+" "+settings["vcs.time"]), "not recorded")
	if settings["vcs.modified"] == "true" {
		revision += ", modified"
	}
	fmt.Fprintf(w, "%s %s\nrevision: %s\n", name, cmp.Or(info.Main.Version, "(devel)"), revision)
	fmt.Fprintf(w, "go: %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, wheel := range native.Wheels() {
		if wheel.With == "" && wheel.GOOS == runtime.GOOS && wheel.GOARCH == runtime.GOARCH {
			fmt.Fprintf(w, "%s: %s unless another one is installed\n", wheel.Title, wheel.Version)
		}
	}
}
