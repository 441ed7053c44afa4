package fetch

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"cyclegan/third_party/native"
)

// verify compares the hash of a file with the wheel's. pip has checked it too, unless its
// configuration forbids that.
func verify(w native.Wheel, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != w.SHA256 {
		return fmt.Errorf("%s: the hash is %s, want %s\nFix: try again", filepath.Base(file), got, w.SHA256)
	}
	return nil
}

// unpack extracts the wheel's parts into dir, an empty folder.
func unpack(ctx context.Context, log io.Writer, w native.Wheel, file, dir string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Base(file), err)
	}
	defer z.Close()
	// Whatever the names in the wheel are, nothing is written outside the folder.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()

	places := map[*zip.File]string{}
	var total int64
	for _, f := range z.File {
		if to := place(w, f.Name); to != "" && f.Mode().IsRegular() {
			places[f] = to
			total += int64(f.UncompressedSize64)
		}
	}
	p := newProgress(log, "unpacking "+w.String(), total)
	defer p.end()
	out := &counted{ctx: ctx, p: p}
	for _, f := range z.File {
		if to, ok := places[f]; ok {
			if err := unpackFile(root, f, to, out); err != nil {
				return fmt.Errorf("unpack %s: %w", f.Name, err)
			}
		}
	}
	for _, l := range w.Links {
		if err := root.Symlink(l.Target, filepath.FromSlash(l.Name)); err != nil {
			return err
		}
	}
	for _, name := range w.Files() {
		if _, err := root.Stat(filepath.FromSlash(name)); err != nil {
			return fmt.Errorf("the wheel of %s lacks %s", w, path.Base(name))
		}
	}
	return nil
}

// place returns where a file of the wheel goes, or "" if it is not needed.
func place(w native.Wheel, name string) string {
	if !fs.ValidPath(name) {
		return ""
	}
	for _, p := range w.Parts {
		if name == p.From {
			return p.To
		}
		rest, ok := strings.CutPrefix(name, p.From)
		if ok && strings.HasSuffix(p.From, "/") && strings.HasSuffix(rest, ".h") {
			return p.To + rest
		}
	}
	return ""
}

func unpackFile(root *os.Root, f *zip.File, to string, out *counted) (err error) {
	to = filepath.FromSlash(to)
	if err := root.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	mode := fs.FileMode(0o644)
	if f.Mode()&0o100 != 0 {
		mode = 0o755
	}
	file, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if e := file.Close(); err == nil {
			err = e
		}
	}()
	out.w = file
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	// Without this, a power failure could leave an empty library that is marked complete.
	return file.Sync()
}

// counted passes writes on, reports the total as progress, and stops when the context does.
type counted struct {
	ctx context.Context
	w   io.Writer
	p   *progress
	n   int64
}

func (c *counted) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.p.at(c.n)
	return n, err
}

// progress reports how far one piece of work is, in a line that changes. If log is not a terminal,
// it reports the start only.
type progress struct {
	log      io.Writer
	what     string
	total    int64
	terminal bool
	last     time.Time
}

func newProgress(log io.Writer, what string, total int64) *progress {
	f, ok := log.(*os.File)
	p := &progress{log: log, what: what, total: total, terminal: ok && term.IsTerminal(int(f.Fd()))}
	if !p.terminal {
		fmt.Fprintf(log, "%s (%s)\n", what, megabytes(total))
	}
	return p
}

// at reports that done bytes of the total are processed.
func (p *progress) at(done int64) {
	if !p.terminal || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	done = min(done, p.total)
	percent := 100 * done / max(p.total, 1)
	fmt.Fprintf(p.log, "\r%s: %s of %s, %d%%   ", p.what, megabytes(done), megabytes(p.total), percent)
}

// end completes the line.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprintln(p.log)
	}
}

func megabytes(n int64) string {
	if n < 10e6 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d MB", (n+5e5)/1e6)
}
