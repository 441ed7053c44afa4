package pytorch

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The functions below build pickles. Each part is one operation.

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}
func integer(i int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(i)))
}
func integersOf(v ...int64) string {
	s := "("
	for _, i := range v {
		s += integer(i)
	}
	return s + "t"
}
func named(module, name string) string { return "c" + module + "\n" + name + "\n" }

// stored returns a reference to a storage; view is an addition of legacy files.
func stored(class, key string, count int64, view string) string {
	return "(" + text("storage") + named("torch", class) + text(key) + text("cpu") + integer(count) + view + "tQ"
}

// rebuilt returns a tensor.
func rebuilt(storage string, offset int64, shape, stride string) string {
	return named("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) + shape + stride + "\x89" + named("collections", "OrderedDict") + ")RtR"
}

// stateDict returns a complete pickle.
func stateDict(items ...string) string {
	return "\x80\x02" + named("collections", "OrderedDict") + ")R(" + strings.Join(items, "") + "u."
}

func zipOf(method uint16, files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		f.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.Bytes()
}

func torchZip(pickle string, files ...string) []byte {
	return zipOf(zip.Store, append([]string{"a/data.pkl", pickle}, files...)...)
}

func torchLegacy(pickle, keys string, values ...byte) []byte {
	head := "\x80\x02\x8a\x0a" + string(legacyMagic) + "." + "\x80\x02M\xe9\x03." + "\x80\x02}" + text("little_endian") + "\x88s."
	return append([]byte(head+pickle+keys), values...)
}

func floats(v ...float32) string {
	var b []byte
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return string(b)
}

func read(file []byte) (State, error) { return Read(bytes.NewReader(file), int64(len(file))) }

func checkTensor(t *testing.T, name string, file []byte, want Tensor) {
	t.Helper()
	s, err := read(file)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got := s["w"]; !slices.Equal(got.Shape, want.Shape) || !slices.Equal(got.Values, want.Values) || got.Type != want.Type {
		t.Errorf("%s: got %+v, want %+v", name, got, want)
	}
}

// Forms that current versions of PyTorch write rarely or never.
func TestRareForms(t *testing.T) {
	data := floats(1, 2, 3, 4, 5, 6)
	whole := stored("FloatStorage", "0", 6, "")
	pair := Tensor{[]int{2}, "float32", []float32{2, 3}}
	keys := "\x80\x02]" + text("0") + "a."
	values := append(binary.LittleEndian.AppendUint64(nil, 6), data...)

	checkTensor(t, "hand-made", torchZip(stateDict(text("w"), rebuilt(whole, 1, integersOf(2), integersOf(1))), "a/data/0", data), pair)
	checkTensor(t, "transposed", torchZip(stateDict(text("w"), rebuilt(whole, 0, integersOf(2, 3), integersOf(1, 2))), "a/data/0", data),
		Tensor{[]int{2, 3}, "float32", []float32{1, 3, 5, 2, 4, 6}})
	checkTensor(t, "scalar", torchZip(stateDict(text("w"), rebuilt(whole, 5, ")", ")")), "a/data/0", data), Tensor{[]int{}, "float32", []float32{6}})
	checkTensor(t, "integers", torchZip(stateDict(text("w"), rebuilt(stored("LongStorage", "0", 3, ""), 0, integersOf(3), integersOf(1))), "a/data/0", data),
		Tensor{[]int{3}, "int64", nil})
	checkTensor(t, "no folder", zipOf(zip.Store, "data.pkl", stateDict(text("w"), rebuilt(whole, 1, integersOf(2), integersOf(1))), "data/0", data), pair)
	checkTensor(t, "parameter", torchZip(stateDict(text("w"), named("torch._utils", "_rebuild_parameter")+"("+rebuilt(whole, 1, integersOf(2), integersOf(1))+"\x88"+"NtR"), "a/data/0", data), pair)
	// Python 2: byte strings, a list of pairs, the first function's name.
	pairs := "(](]" + "(U\x01w" + named("torch._utils", "_rebuild_tensor") + "(" + whole + integer(1) + integersOf(2) + integersOf(1) + "tReetR."
	checkTensor(t, "Python 2", torchZip("\x80\x02"+named("collections", "OrderedDict")+pairs, "a/data/0", data), pair)
	checkTensor(t, "view", torchLegacy(stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 6, "("+text("1")+integersOf(1, 4)[1:]), 0, integersOf(2), integersOf(1))), keys, values...), pair)
	checkTensor(t, "no view", torchLegacy(stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 6, "N"), 1, integersOf(2), integersOf(1))), keys, values...), pair)
}

// hostile returns files that Read must reject, with a part of the error.
func hostile() map[string]struct {
	file []byte
	word string
} {
	type bad = struct {
		file []byte
		word string
	}
	data := floats(1, 2, 3, 4, 5, 6)
	whole := stored("FloatStorage", "0", 6, "")
	tensor := func(storage string, offset int64, shape, stride string) []byte {
		return torchZip(stateDict(text("w"), rebuilt(storage, offset, shape, stride)), "a/data/0", data)
	}
	keys := "\x80\x02]" + text("0") + "a."
	one := stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 6, "N"), 0, integersOf(6), integersOf(1)))
	var shared []string
	for i := range 3 {
		shared = append(shared, text(fmt.Sprint(i)), rebuilt(whole, 0, integersOf(6), integersOf(1)))
	}
	header := func(s string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
	}
	return map[string]bad{
		"empty":        {nil, "empty"},
		"web page":     {[]byte("<!DOCTYPE html><html><head>"), "web page"},
		"LFS pointer":  {[]byte("version https://git-lfs.github.com/spec/v1\noid"), "git lfs pull"},
		"ONNX":         {[]byte("\x08\x08\x12\x08cyclegan:\x00"), "this is an ONNX model"},
		"short":        {[]byte("PK"), "a text file, not PyTorch weights"},
		"tar":          {append(make([]byte, 257), "ustar\x0000"...), "no PyTorch weights"},
		"empty zip":    {torchZip("")[:30], "cut short"},
		"other zip":    {zipOf(zip.Store, "readme.txt", "x"), "no data.pkl"},
		"TorchScript":  {torchZip(".", "a/constants.pkl", "x"), "TorchScript"},
		"big-endian":   {torchZip(".", "a/byteorder", "big"), "byte order"},
		"compressed":   {zipOf(zip.Deflate, "a/data.pkl", one), "compressed"},
		"a bomb":       {zipOf(zip.Deflate, "a/data.pkl", strings.Repeat("N", 32<<20)), "compressed"},
		"long pickle":  {torchZip(strings.Repeat("N", maxPickle+1)), "longer than"},
		"cut pickle":   {torchZip("\x80\x02N"), "cut short"},
		"empty pickle": {torchZip(""), "cut short"},

		"code":             {torchZip("\x80\x02" + named("os", "system") + "(" + text("id") + "tR."), `uses "os.system", which no state dict needs; no code was run`},
		"code by stack":    {torchZip("\x80\x04" + text("builtins") + text("eval") + "\x93."), `"builtins.eval"`},
		"stack name":       {torchZip("\x80\x04" + "NN\x93."), "names a global by a None"},
		"model":            {torchZip("\x80\x02" + named("models.networks", "ResnetGenerator") + ")\x81."), "save net.state_dict()"},
		"module reference": {torchZip("\x80\x02(" + text("module") + "NtQ."), "whole model"},
		"instance":         {torchZip("\x80\x02(ios\nsystem\n."), "operation 0x69"},
		"extension":        {torchZip("\x80\x02\x82\x01."), "operation 0x82"},
		"last operation":   {torchZip("\x80\x02\xff."), "operation 0xff"},

		"huge string":      {torchZip("\x80\x02X\xff\xff\xff\xff"), "claims a string of 4294967295"},
		"huge byte string": {torchZip("\x80\x02T\xff\xff\xff\x7f"), "claims a string"},
		"huge long":        {torchZip("\x80\x02\x8b\xff\xff\xff\x7f"), "operation 0x8b"},
		"huge frame":       {torchZip("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN."), "holds a None"},
		"no stack":         {torchZip("\x80\x02."), "has not created"},
		"no mark":          {torchZip("\x80\x02t."), "has not created"},
		"under mark":       {torchZip("\x80\x02N(0."), "has not created"},
		"dup of nothing":   {torchZip("\x80\x022."), "has not created"},
		"no memo":          {torchZip("\x80\x02h\x07."), "has not created"},
		"memo of nothing":  {torchZip("\x80\x02q\x07."), "has not created"},
		"list of itself":   {torchZip("\x80\x02]q\x00h\x00a)R."), "calls a list"},
		"dict of itself":   {torchZip("\x80\x02}q\x00" + text("w") + "h\x00s."), "holds no tensors"},
		"odd items":        {torchZip("\x80\x02}(Nu."), "adds 1 values to a dict"},
		"items in a list":  {torchZip("\x80\x02](NNu."), "to a list"},
		"append to None":   {torchZip("\x80\x02NNa."), "to a None"},
		"unhashable name":  {torchZip(stateDict("]", rebuilt(whole, 0, integersOf(6), integersOf(1))), "a/data/0", data), "a name in the state dict is a list"},
		"attributes":       {torchZip("\x80\x02]}b."), "sets attributes of a list"},
		"wrong call":       {torchZip("\x80\x02" + named("torch", "FloatStorage") + ")R."), "calls torch.FloatStorage"},
		"dict of int":      {torchZip("\x80\x02" + named("collections", "OrderedDict") + "K\x01\x85R."), "creates a dict from a int"},
		"dict of ints":     {torchZip("\x80\x02" + named("collections", "OrderedDict") + "]K\x01a\x85R."), "list with a int"},
		"parameter":        {torchZip("\x80\x02" + named("torch._utils", "_rebuild_parameter") + "N\x85R."), "_rebuild_parameter"},
		"reference":        {torchZip("\x80\x02NQ."), "reference that is a None"},
		"short reference":  {torchZip("\x80\x02(" + text("storage") + "tQ."), "tuple of 1"},
		"wrong reference":  {torchZip("\x80\x02(" + text("storage") + "NNNNtQ."), "a None, a None"},
		"no state dict":    {torchZip("\x80\x02K\x01."), "holds a int"},
		"nested":           {torchZip(stateDict(text("optimizer"), "}")), "holds no tensors"},

		"missing storage":    {torchZip(one), `no storage "0"`},
		"huge storage":       {tensor(stored("FloatStorage", "0", math.MaxInt64, ""), 0, integersOf(1), integersOf(1)), "24 bytes for"},
		"negative storage":   {tensor(stored("FloatStorage", "0", -6, ""), 0, integersOf(1), integersOf(1)), "-6 elements"},
		"wrong storage":      {tensor(stored("DoubleStorage", "0", 6, ""), 0, integersOf(1), integersOf(1)), "float64"},
		"huge tensor":        {tensor(whole, 0, integersOf(1<<40, 1<<40), integersOf(1, 1)), "does not fit"},
		"overflowing tensor": {tensor(whole, 0, integersOf(math.MaxInt64, math.MaxInt64), integersOf(0, 0)), "does not fit"},
		"repeated tensor":    {tensor(whole, 0, integersOf(7), integersOf(0)), "does not fit"},
		"empty tensor":       {tensor(whole, 0, integersOf(0, 1<<62), integersOf(1, 1)), "does not fit"},
		"negative tensor":    {tensor(whole, 0, integersOf(-2), integersOf(1)), "does not fit"},
		"dimensions":         {tensor(whole, 0, integersOf(make([]int64, 9)...), integersOf(make([]int64, 9)...)), "9 dimensions"},
		"offset":             {tensor(whole, 6, integersOf(1), integersOf(1)), "exceeds its storage"},
		"negative offset":    {tensor(whole, -1, integersOf(1), integersOf(1)), "exceeds its storage"},
		"stride":             {tensor(whole, 0, integersOf(2), integersOf(6)), "exceeds its storage"},
		"negative stride":    {tensor(whole, 5, integersOf(2), integersOf(-1)), "exceeds its storage"},
		"huge stride":        {tensor(whole, 0, integersOf(3, 2), integersOf(1<<62, 1<<62)), "exceeds its storage"},
		"no strides":         {tensor(whole, 0, integersOf(2), ")"), "a tensor from a int"},
		"shape of strings":   {tensor(whole, 0, "("+text("2")+"t", integersOf(1)), "a tensor from a int"},
		"tensor of None":     {tensor("N", 0, integersOf(1), integersOf(1)), "a tensor from a None"},
		"shared too often":   {torchZip(stateDict(shared...), "a/data/0", data), "more than twice"},
		"two types":          {torchZip(stateDict(text("v"), rebuilt(whole, 0, integersOf(6), integersOf(1)), text("w"), rebuilt(stored("IntStorage", "0", 6, ""), 0, integersOf(6), integersOf(1))), "a/data/0", data), "two types"},
		"damaged": {func() []byte {
			file := tensor(whole, 0, integersOf(6), integersOf(1))
			file[bytes.Index(file, []byte(data))] ^= 1
			return file
		}(), "checksum"},

		"legacy version":      {[]byte("\x80\x02\x8a\x0a" + string(legacyMagic) + ".\x80\x02M\x01\x00."), "another version"},
		"legacy cut":          {[]byte("\x80\x02\x8a\x0a" + string(legacyMagic) + ".\x80\x02M"), "cut short"},
		"legacy keys":         {torchLegacy(one, "\x80\x02N."), "list of storages is a None"},
		"legacy other key":    {torchLegacy(one, "\x80\x02]"+text("1")+"a."), `storage "1" belongs to no tensor`},
		"legacy no storage":   {torchLegacy(one, "\x80\x02]."), "no values"},
		"legacy no values":    {torchLegacy(one, keys), "cut short"},
		"legacy count":        {torchLegacy(one, keys, 7, 0, 0, 0, 0, 0, 0, 0), "7 elements"},
		"legacy cut values":   {torchLegacy(one, keys, 6, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3), "cut short"},
		"legacy huge storage": {torchLegacy(stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 1<<40, "N"), 0, integersOf(1), integersOf(1))), keys), "claims 1099511627776"},
		"legacy view":         {torchLegacy(stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 6, "("+text("1")+integersOf(4, 4)[1:]), 0, integersOf(2), integersOf(1))), keys), "view exceeds the storage"},
		"legacy view form":    {torchLegacy(stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 6, ")"), 0, integersOf(2), integersOf(1))), keys), "view is a tuple"},

		"safetensors header":      {append(binary.LittleEndian.AppendUint64(nil, 1<<62), "{}"...), "claims 4611686018427387904"},
		"safetensors JSON":        {header("{]"), "not valid JSON"},
		"safetensors entry":       {header(`{"w":3}`), `tensor "w"`},
		"safetensors type":        {header(`{"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`), "unknown type"},
		"safetensors huge":        {header(`{"w":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,4]}}`), "does not fit"},
		"safetensors cut":         {header(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`), "cut short"},
		"safetensors gap":         {append(header(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`), data...), "offsets [4 8]"},
		"safetensors rest":        {append(header(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`), data...), "20 bytes follow"},
		"safetensors overlap":     {append(header(`{"v":{"dtype":"F32","shape":[6],"data_offsets":[0,24]},"w":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}`), data...), "does not fit"},
		"safetensors metadata":    {header(`{"__metadata__":{"a":1}}`), "metadata"},
		"checkpoint of a run":     {header(`{"__metadata__":{"format":"cyclegan checkpoint 1"}}`), "training run"},
		"newer checkpoint of one": {header(`{"__metadata__":{"format":"cyclegan checkpoint 2"}}`), "training run"},
		"safetensors not a state": {append(header(`{"w":{"dtype":"F32","shape":[6.5],"data_offsets":[0,24]}}`), data...), `tensor "w"`},
	}
}

// Read rejects hostile files with the reason and with little memory.
func TestHostileFiles(t *testing.T) {
	for name, c := range hostile() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := read(c.file)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error, %d tensors", name, len(s))
			continue
		}
		wantError(t, name, err, c.word)
		// Values on the pickle machine's stack take 16 bytes each and room to grow, besides fixed
		// buffers.
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+100*uint64(min(len(c.file), maxPickle)) {
			t.Errorf("%s: allocated %d bytes for a file of %d", name, used, len(c.file))
		}
	}
}

// Every prefix of a file is an error.
func TestTruncatedFiles(t *testing.T) {
	for _, name := range []string{"pixel.pth", "resnet_6blocks_mixed_old.pth", "resnet_6blocks.safetensors"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(file); n += 1 + n/50 {
			if s, err := read(file[:n]); err == nil {
				t.Errorf("%s: no error for the first %d of %d bytes, %d tensors", name, n, len(file), len(s))
			}
		}
	}
}

func TestReadFileErrors(t *testing.T) {
	_, err := ReadFile(filepath.Join(t.TempDir(), "latest_net_G_A.pth"))
	wantError(t, "missing", err, "latest_net_G_A.pth")
	_, err = ReadFile(t.TempDir())
	wantError(t, "folder", err, "not a regular file")
	path := filepath.Join(t.TempDir(), "a.pth")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = ReadFile(path)
	wantError(t, "empty", err, "a.pth", "empty")
}

// Read returns an error, or tensors that hold no more than the file.
func FuzzRead(f *testing.F) {
	for _, c := range fixtures() {
		file, err := os.ReadFile(filepath.Join("testdata", c.file))
		if err != nil {
			f.Fatal(err)
		}
		if len(file) < 4000 {
			f.Add(file)
		}
	}
	for _, c := range hostile() {
		if len(c.file) < 4000 {
			f.Add(c.file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := read(file)
		if err != nil {
			return
		}
		values := 0
		for _, tensor := range s {
			values += len(tensor.Values)
		}
		if values > 2*len(file) {
			t.Errorf("%d values from %d bytes", values, len(file))
		}
		if o, err := Recognize(s); err == nil {
			_, _, _ = Generator(s, o)
		}
		if o, err := RecognizeDiscriminator(s); err == nil {
			_, _, _ = Discriminator(s, o)
		}
	})
}

// FuzzUnpickle tests the pickle machine without the checksum of a zip archive.
func FuzzUnpickle(f *testing.F) {
	f.Add([]byte(stateDict(text("w"), rebuilt(stored("FloatStorage", "0", 6, ""), 0, integersOf(2, 3), integersOf(3, 1)))))
	for _, c := range hostile() {
		if i := bytes.Index(c.file, []byte("\x80\x02")); i >= 0 && len(c.file) < 4000 {
			f.Add(c.file[i:])
		}
	}
	f.Fuzz(func(t *testing.T, pickle []byte) {
		root, err := unpickle(bufio.NewReader(bytes.NewReader(pickle)), func(id tuple) (any, error) {
			kind, _, count, err := storageID(id)
			if err != nil || count < 0 || count > 1000 {
				return nil, fmt.Errorf("no storage: %w", err)
			}
			return &storage{kind, count, make([]float32, count)}, nil
		})
		if err == nil {
			_, _ = stateOf(root, int64(crc32.Size*len(pickle)))
		}
	})
}
