package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxLine bounds a line of the log; a record takes some 250 bytes.
const maxLine = 1 << 20

// ReadLog returns a log's records in the order of the file. An unfinished last
// line, which a killed run leaves, is passed over.
func ReadLog(path string) ([]Record, error) {
	var records []Record
	err := readLog(path, func(r Record) { records = append(records, r) })
	return records, err
}

// ReadLosses returns the losses in a log as series over the step, in the
// paper's order: adversarial, cycle, identity, discriminators, then others by
// name. It keeps no records, so it suits logs of a million lines.
func ReadLosses(path string) ([]Series, error) {
	var c losses
	if err := readLog(path, c.add); err != nil {
		return nil, err
	}
	return c.series(), nil
}

// Losses is ReadLosses for records that are at hand.
func Losses(records []Record) []Series {
	var c losses
	for _, r := range records {
		c.add(r)
	}
	return c.series()
}

func readLog(path string, each func(Record)) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read log %q: %w", path, bare(err))
	}
	defer f.Close()
	_, err = scan(f, func(_ []byte, r Record) error { each(r); return nil })
	if err != nil {
		return fmt.Errorf("read log %q: %w", path, bare(err))
	}
	return nil
}

// An end says where the readable part of a log ends.
type end struct {
	size         int64 // bytes up to the last whole record
	unterminated bool  // that record lacks its line feed
}

// scan hands each whole record and its raw line, line feed included, to each.
// The last line may be damaged, any other may not.
func scan(r io.Reader, each func(raw []byte, rec Record) error) (end, error) {
	var (
		e       end
		offset  int64
		damaged error // at the line before
		br      = bufio.NewReaderSize(r, maxLine)
	)
	for n := 1; ; n++ {
		raw, readErr := br.ReadSlice('\n')
		if readErr != nil && readErr != io.EOF {
			if errors.Is(readErr, bufio.ErrBufferFull) {
				return e, fmt.Errorf("line %d is longer than %d bytes: this is not a run's log; move the file away", n, maxLine)
			}
			return e, readErr
		}
		if len(raw) > 0 && damaged != nil {
			return e, damaged
		}
		offset += int64(len(raw))
		switch text := bytes.TrimSpace(raw); {
		case len(raw) == 0:
		case len(text) == 0:
			e = end{size: offset}
		default:
			rec, err := decode(text)
			if err != nil {
				damaged = fmt.Errorf("line %d: %w; delete that line, or move the file away to begin a new one", n, err)
				break
			}
			e = end{size: offset, unterminated: raw[len(raw)-1] != '\n'}
			if e.unterminated {
				raw = append(bytes.Clone(raw), '\n')
			}
			if err := each(raw, rec); err != nil {
				return e, err
			}
		}
		if readErr == io.EOF {
			return e, nil
		}
	}
}

// losses gathers series by name.
type losses struct{ byName map[string]*Series }

func (c *losses) add(r Record) {
	if c.byName == nil {
		c.byName = make(map[string]*Series)
	}
	for name, v := range r.Losses {
		s := c.byName[name]
		if s == nil {
			s = &Series{Name: name}
			c.byName[name] = s
		}
		s.X = append(s.X, float64(r.Step))
		s.Y = append(s.Y, v)
	}
}

func (c *losses) series() []Series {
	all := make([]Series, 0, len(c.byName))
	for _, s := range c.byName {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Series) int {
		if d := rank(a.Name) - rank(b.Name); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// rank is a loss's place in the paper's order.
func rank(name string) int {
	if i := slices.Index(lossOrder, name); i >= 0 {
		return i
	}
	return len(lossOrder)
}

var lossOrder = []string{"G_AB", "G_BA", "cycle_A", "cycle_B", "idt_A", "idt_B", "D_A", "D_B"}
