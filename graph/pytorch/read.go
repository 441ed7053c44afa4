package pytorch

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"cyclegan/infer/onnx"
)

// ReadFile reads a state dict from a file. See [Read].
func ReadFile(path string) (State, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read weights: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read weights: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read weights: %q is not a regular file", path)
	}
	s, err := Read(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read weights %q: %w", path, err)
	}
	return s, nil
}

// Read reads a state dict from a file of the given size. The file is a zip archive as torch.save
// writes it since PyTorch 1.6, or in the older format of torch.save, or safetensors.
func Read(r io.ReaderAt, size int64) (State, error) {
	head := make([]byte, 512)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return readZip(r, size)
	case isLegacy(head):
		return readLegacy(r, size)
	case len(head) > 8 && head[8] == '{':
		return readSafetensors(r, size)
	case n == 0:
		return nil, errors.New("the file is empty")
	}
	const wanted = "PyTorch weights (from torch.save or safetensors)"
	if n > 1 && head[0] == 8 && head[1] < 64 { // the version of the format
		return nil, errors.New("this is an ONNX model, not " + wanted)
	}
	kind, fix := onnx.Kind(head)
	if kind == "" {
		return nil, errors.New("the file holds no " + wanted + "\nFix: if it was downloaded, download it again")
	}
	return nil, errors.New(strings.TrimSpace("this is " + kind + ", not " + wanted + "\n" + fix))
}

const (
	fixStateDict = "\nFix: save net.state_dict() in PyTorch"
	fixResave    = "\nFix: load and save it again in PyTorch"
	fixEndian    = "\nFix: save it again on a little-endian machine"
)

// stateOf converts the root of an unpickled file into a state dict: all tensors in it and in the
// dicts inside it, whose keys precede the names. stored is the number of values in the file.
func stateOf(root any, stored int64) (State, error) {
	d, ok := root.(*dict)
	if !ok {
		return nil, fmt.Errorf("the file holds a %s, not a state dict"+fixStateDict, kindOf(root))
	}
	c := collector{state: State{}, stored: stored, seen: map[*dict]bool{}}
	if err := c.collect("", d, 0); err != nil {
		return nil, err
	}
	if len(c.state) == 0 {
		return nil, errors.New("the file holds no tensors, so it is not a state dict" + fixStateDict)
	}
	return c.state, nil
}

// A collector collects the tensors of nested dicts.
type collector struct {
	state          State
	values, stored int64
	seen           map[*dict]bool // a pickle may put a dict into itself
}

// maxDepth bounds the dicts inside each other that are looked into.
const maxDepth = 8

func (c *collector) collect(prefix string, d *dict, depth int) error {
	if c.seen[d] || depth > maxDepth {
		return nil
	}
	c.seen[d] = true
	for i, key := range d.keys {
		switch v := d.values[i].(type) {
		case *dict:
			if err := c.collect(fmt.Sprintf("%s%v.", prefix, key), v, depth+1); err != nil {
				return err
			}
		case *view:
			name, ok := key.(string)
			if !ok {
				return fmt.Errorf("a name in the state dict is a %s", kindOf(key))
			}
			name = prefix + name
			t, err := v.tensor()
			if err != nil {
				return fmt.Errorf("tensor %q: %w", name, err)
			}
			// Tensors may share a storage, but a small file must not fill the memory.
			if c.values += int64(len(t.Values)); c.values > 2*c.stored {
				return fmt.Errorf("tensor %q: the tensors have more than twice as many values as the file, %d", name, c.stored)
			}
			c.state[name] = t
		}
	}
	return nil
}

// readZip reads a file that torch.save wrote since PyTorch 1.6: an uncompressed zip archive of
// data.pkl and one file per storage, all in one folder.
func readZip(r io.ReaderAt, size int64) (State, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("the file starts like a zip archive but is not one, or is cut short: %w", err)
	}
	files := make(map[string]*zip.File, len(archive.File))
	folder, found := "", false
	for _, f := range archive.File {
		files[f.Name] = f
		name, ok := strings.CutSuffix(f.Name, "data.pkl")
		if ok && (name == "" || strings.HasSuffix(name, "/")) && (!found || len(name) < len(folder)) {
			folder, found = name, true
		}
	}
	switch {
	case !found:
		return nil, errors.New("the file is a zip archive, but not from torch.save: it has no data.pkl")
	case files[folder+"constants.pkl"] != nil:
		return nil, errors.New("the file is a TorchScript program, not a state dict" + fixStateDict)
	}
	if f := files[folder+"byteorder"]; f != nil {
		entry, err := openEntry(f)
		if err != nil {
			return nil, err
		}
		order, err := io.ReadAll(io.LimitReader(entry, 16))
		entry.Close()
		if err != nil {
			return nil, err
		}
		if string(order) != "little" {
			return nil, fmt.Errorf("the byte order of the file is %q"+fixEndian, order)
		}
	}
	z := &zipFile{files: files, folder: folder, left: size, storages: map[string]*storage{}}
	pickle, err := openEntry(files[folder+"data.pkl"])
	if err != nil {
		return nil, err
	}
	defer pickle.Close()
	root, err := unpickle(bufio.NewReader(pickle), z.persistent)
	if err != nil {
		return nil, err
	}
	return stateOf(root, z.values)
}

// A zipFile finds the storages that a pickle refers to.
type zipFile struct {
	files    map[string]*zip.File
	folder   string
	left     int64 // bytes of storages that the file can still hold
	values   int64 // values read
	storages map[string]*storage
}

// persistent resolves ("storage", class, key, location, number of elements).
func (z *zipFile) persistent(id tuple) (any, error) {
	kind, key, count, err := storageID(id)
	if err != nil {
		return nil, err
	}
	if s := z.storages[key]; s != nil {
		if s.kind.name != kind.name || s.count != count {
			return nil, fmt.Errorf("storage %q is used with two types or sizes", key)
		}
		return s, nil
	}
	f := z.files[z.folder+"data/"+key]
	if f == nil {
		return nil, fmt.Errorf("the archive has no storage %q", key)
	}
	// Entries that share bytes could make a small file use much memory.
	if count < 0 || count > z.left/kind.size || f.UncompressedSize64 != uint64(count*kind.size) {
		return nil, fmt.Errorf("storage %q has %d bytes for %d elements of type %s",
			key, f.UncompressedSize64, count, kind.name)
	}
	z.left -= count * kind.size
	data, err := openEntry(f)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	values, err := kind.readValues(data, count)
	if err != nil {
		return nil, fmt.Errorf("storage %q: %w", key, err)
	}
	// The zip reader compares the checksum at the end.
	if _, err := data.Read(make([]byte, 1)); err != io.EOF {
		return nil, fmt.Errorf("storage %q: %w", key, err)
	}
	z.values += int64(len(values))
	s := &storage{kind, count, values}
	z.storages[key] = s
	return s, nil
}

// storageID parses the start of a reference to a storage, which is the same in both formats.
func storageID(id tuple) (kind elementType, key string, count int64, err error) {
	if len(id) >= 1 && id[0] == any("module") {
		return kind, "", 0, errors.New("the file holds a whole model, not a state dict" + fixStateDict)
	}
	if len(id) < 5 || id[0] != any("storage") {
		return kind, "", 0, fmt.Errorf("the pickle has an external reference that is a tuple of %d", len(id))
	}
	class, ok1 := id[1].(global)
	key, ok2 := id[2].(string)
	count, ok3 := id[4].(int64)
	kind, ok4 := elementTypes[class]
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return kind, "", 0, fmt.Errorf("the pickle refers to a storage by a %s, a %s and a %s",
			kindOf(id[1]), kindOf(id[2]), kindOf(id[4]))
	}
	return kind, key, count, nil
}

// openEntry opens an entry. It rejects compressed ones, which could be far larger than the file;
// torch.save writes none.
func openEntry(f *zip.File) (io.ReadCloser, error) {
	if f.Method != zip.Store {
		return nil, fmt.Errorf("entry %q is compressed, which torch.save never does"+fixResave, f.Name)
	}
	return f.Open()
}

// The format before PyTorch 1.6 is a sequence of five pickles: magic number, version, facts about
// the machine, the object itself, and the keys of its storages. The storages follow in the order of
// the keys, each preceded by its number of elements.
const (
	legacyMagic   = longInt("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
	legacyVersion = 1001
)

// isLegacy reports whether head is the start of the magic number's pickle, in protocol 2 or later.
func isLegacy(head []byte) bool {
	return len(head) > 2 && head[0] == opProto && bytes.Contains(head, []byte{opLong1, byte(len(legacyMagic))})
}

func readLegacy(r io.ReaderAt, size int64) (State, error) {
	section := io.NewSectionReader(r, 0, size)
	in := bufio.NewReaderSize(section, 1<<16)
	for _, want := range []any{legacyMagic, int64(legacyVersion)} {
		got, err := unpickle(in, nil)
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, errors.New("the file starts like a PyTorch file but has another version" + fixResave)
		}
	}
	machine, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	if d, ok := machine.(*dict); ok && d.get("little_endian") == any(false) {
		return nil, errors.New("the file is big-endian" + fixEndian)
	}

	l := &legacyFile{size: size, storages: map[string]*storage{}}
	root, err := unpickle(in, l.persistent)
	if err != nil {
		return nil, err
	}
	keys, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	position, err := section.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	values, err := l.read(in, keys, size-position+int64(in.Buffered()))
	if err != nil {
		return nil, err
	}
	return stateOf(root, values)
}

func (d *dict) get(key string) any {
	for i, k := range d.keys {
		if k == any(key) {
			return d.values[i]
		}
	}
	return nil
}

// A legacyFile collects the storages that the pickle refers to until they are read.
type legacyFile struct {
	size     int64
	storages map[string]*storage
}

// persistent resolves ("storage", class, key, location, number of elements, view), where view is
// None or (key, offset, number of elements).
func (l *legacyFile) persistent(id tuple) (any, error) {
	kind, key, count, err := storageID(id)
	if err != nil {
		return nil, err
	}
	if count < 0 || count > l.size/kind.size {
		return nil, fmt.Errorf("storage %q claims %d elements in a file of %d bytes; the file is cut short",
			key, count, l.size)
	}
	s := l.storages[key]
	if s == nil {
		s = &storage{kind: kind, count: count}
		l.storages[key] = s
	}
	if s.kind.name != kind.name || s.count != count {
		return nil, fmt.Errorf("storage %q is used with two types or sizes", key)
	}
	if len(id) < 6 || id[5] == nil {
		return s, nil
	}
	part, _ := id[5].(tuple)
	if len(part) != 3 {
		return nil, fmt.Errorf("storage %q: the view is a %s", key, kindOf(id[5]))
	}
	offset, ok1 := part[1].(int64)
	length, ok2 := part[2].(int64)
	if !ok1 || !ok2 || offset < 0 || length < 0 || offset > count || length > count-offset {
		return nil, fmt.Errorf("storage %q: the view exceeds the storage", key)
	}
	return window{s, offset, length}, nil
}

// read reads the storages from the remaining bytes of the file and returns the number of their
// values.
func (l *legacyFile) read(in io.Reader, keys any, remaining int64) (values int64, err error) {
	order, ok := keys.(*list)
	if !ok {
		return 0, fmt.Errorf("the list of storages is a %s", kindOf(keys))
	}
	for _, k := range order.items {
		key, _ := k.(string)
		s := l.storages[key]
		if s == nil || s.values != nil {
			return 0, fmt.Errorf("storage %q belongs to no tensor or occurs twice", key)
		}
		var count int64
		if err := binary.Read(in, binary.LittleEndian, &count); err != nil {
			return 0, cutShort(err)
		}
		remaining -= 8
		if count != s.count {
			return 0, fmt.Errorf("storage %q has %d elements, its tensors need %d", key, count, s.count)
		}
		if remaining -= count * s.kind.size; remaining < 0 {
			return 0, fmt.Errorf("storage %q: %w", key, cutShort(io.ErrUnexpectedEOF))
		}
		if s.values, err = s.kind.readValues(in, count); err != nil {
			return 0, fmt.Errorf("storage %q: %w", key, err)
		}
		values += int64(len(s.values))
	}
	return values, nil
}
