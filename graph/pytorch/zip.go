package pytorch

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readZip reads what torch.save has written since PyTorch 1.6: a zip archive,
// never compressed, of data.pkl and one file for each storage, all in one
// folder.
func readZip(r io.ReaderAt, size int64) (State, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("it begins as a zip archive and is none, perhaps because it is cut short: %w", err)
	}
	files := make(map[string]*zip.File, len(archive.File))
	folder, found := "", false
	for _, f := range archive.File {
		files[f.Name] = f
		if name, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && (name == "" || strings.HasSuffix(name, "/")) && (!found || len(name) < len(folder)) {
			folder, found = name, true
		}
	}
	switch {
	case !found:
		return nil, errors.New("it is a zip archive, but not of torch.save: there is no data.pkl in it")
	case files[folder+"constants.pkl"] != nil:
		return nil, errors.New("it is a TorchScript program, not a state dict; save net.state_dict() in PyTorch")
	}
	if f := files[folder+"byteorder"]; f != nil {
		order, err := readEntry(f, 16)
		if err != nil {
			return nil, err
		}
		if string(order) != "little" {
			return nil, fmt.Errorf("its byte order is %q; save it again on a little-endian machine", order)
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

// persistent takes ("storage", class, key, location, number of elements).
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
		return nil, fmt.Errorf("there is no storage %q in the archive", key)
	}
	// Entries that share bytes could make a small file large.
	if count < 0 || count > z.left/kind.size || f.UncompressedSize64 != uint64(count*kind.size) {
		return nil, fmt.Errorf("storage %q has %d bytes for %d elements of type %s", key, f.UncompressedSize64, count, kind.name)
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
	// The checksum is compared at the end.
	if _, err := data.Read(make([]byte, 1)); err != io.EOF {
		return nil, fmt.Errorf("storage %q: %w", key, err)
	}
	z.values += int64(len(values))
	s := &storage{kind, count, values}
	z.storages[key] = s
	return s, nil
}

// storageID takes apart what both formats' references to storages begin with.
func storageID(id tuple) (kind elementType, key string, count int64, err error) {
	if len(id) >= 1 && id[0] == any("module") {
		return kind, "", 0, errors.New("it holds a whole model, not a state dict; save net.state_dict() in PyTorch")
	}
	if len(id) < 5 || id[0] != any("storage") {
		return kind, "", 0, fmt.Errorf("the pickle refers to what lies outside of it by a tuple of %d", len(id))
	}
	class, ok1 := id[1].(global)
	key, ok2 := id[2].(string)
	count, ok3 := id[4].(int64)
	kind, ok4 := elementTypes[class]
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return kind, "", 0, fmt.Errorf("the pickle refers to a storage by a %s, a %s and a %s", kindOf(id[1]), kindOf(id[2]), kindOf(id[4]))
	}
	return kind, key, count, nil
}

// openEntry opens an entry for reading. A compressed one could grow out of all
// proportion, and torch.save makes none.
func openEntry(f *zip.File) (io.ReadCloser, error) {
	if f.Method != zip.Store {
		return nil, fmt.Errorf("its entry %q is compressed, which torch.save never does; load and save it again in PyTorch", f.Name)
	}
	return f.Open()
}

// readEntry reads a small entry.
func readEntry(f *zip.File, most int64) ([]byte, error) {
	r, err := openEntry(f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}
