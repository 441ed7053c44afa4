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

// errFull stands for the system's or pip's word that the disk is full, until install can say which disk.
var errFull = errors.New("no space left on device")

// install puts the library into the cache, unless it is there, and returns its folder.
//
// Everything is made in a folder beside the final one, which is renamed when it is whole: the final folder is never half there.
// A lock keeps a second process waiting, which then finds the library. What a killed fetch left behind is removed by the next.
func (w Wheel) install(ctx context.Context, log io.Writer) (dir string, err error) {
	dir, ok, err := w.cached()
	if err != nil || ok {
		return dir, err
	}
	if err := w.suits(); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, log, dir+".lock", "waiting for another process that is fetching "+w.String())
	if err != nil {
		return "", w.explainFull(fmt.Errorf("fetch %s: %w", w, err), filepath.Dir(dir))
	}
	defer unlock()
	if w.whole(dir) {
		return dir, nil
	}
	leftovers, _ := filepath.Glob(escape(dir) + ".new-*")
	for _, l := range leftovers {
		if err := os.RemoveAll(l); err != nil {
			return "", withMend(fmt.Errorf("remove what an earlier fetch left: %w", err), "remove %s", l)
		}
	}
	if err := w.installLocked(ctx, log, dir); err != nil {
		return "", w.explainFull(err, filepath.Dir(dir))
	}
	fmt.Fprintf(log, "%s is in %s\n", w, dir)
	return dir, nil
}

// explainFull makes of a full disk's many errors one message.
func (w Wheel) explainFull(err error, disk string) error {
	if !errors.Is(err, errFull) && !diskFull(err) {
		return err
	}
	// the wheel and what it unpacks to, with some room to spare
	return withMend(fmt.Errorf("fetch %s: the disk of %s is full; nothing was installed", w, disk),
		"make %s of room there, or set %s to a folder on another disk", megabytes(5*w.Bytes), EnvCache)
}

func (w Wheel) installLocked(ctx context.Context, log io.Writer, dir string) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-")
	if err != nil {
		return notWritable(fmt.Errorf("fetch %s: %w", w, err))
	}
	defer os.RemoveAll(work)

	got := filepath.Join(work, "got")
	unpacked := filepath.Join(work, "unpacked")
	for _, d := range []string{got, unpacked} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	wheel, err := w.download(ctx, log, got)
	if err != nil {
		return err
	}
	if err := w.verify(wheel); err != nil {
		return fmt.Errorf("fetch %s: %w", w, err)
	}
	if err := w.unpack(ctx, log, wheel, unpacked); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(unpacked, marker), []byte(w.SHA256+"\n"), 0o644); err != nil {
		return err
	}
	// a folder without the marker, or of another wheel, is in the way
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(unpacked, dir)
}

// escape makes a path match only itself in filepath.Glob.
func escape(p string) string {
	if runtime.GOOS == "windows" {
		return p
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(p)
}

// suits says why the wheel cannot run on this machine although platform and architecture are right.
func (w Wheel) suits() error {
	if w.GOOS != "linux" {
		return nil
	}
	musl, _ := filepath.Glob("/lib/ld-musl-*")
	glibc, _ := filepath.Glob("/lib*/ld-linux-*")
	if len(musl) > 0 && len(glibc) == 0 {
		return withMend(fmt.Errorf("%s is built for glibc, and this Linux has musl", w), "use a distribution with glibc, for instance a Debian container")
	}
	return nil
}
