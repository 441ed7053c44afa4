package features

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/third_party/native"
)

// EfficientNet, as a path, names the extractor that needs no model: the 1280 features of
// EfficientNet-Lite0, trained on ImageNet, whose weights package native finds. Their distances rank
// models as those of Inception do, but the numbers differ.
const EfficientNet = graph.EfficientNet

// None, as a path, stands for no extractor where one has a default.
const None = "none"

// efficientNetSide is the shortest side that the network accepts. Smaller images are enlarged.
const efficientNetSide = 32

// efficientNet returns the model, and the hash of the weights' file. If they are missing, the error
// is [native.ErrNotFound].
func efficientNet() (model []byte, hash string, err error) {
	path, err := native.FindFeatures()
	if err != nil {
		return nil, "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	state, err := pytorch.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, "", fmt.Errorf("read weights %q: %w", path, err)
	}
	network := graph.EfficientNetLite0()
	weights, err := pytorch.EfficientNetLite0(state, network)
	if err != nil {
		return nil, "", fmt.Errorf("%q: %w", path, err)
	}
	model, err = onnxgraph.Marshal(network, weights, onnxgraph.Metadata{}, onnxgraph.F32)
	sum := sha256.Sum256(data)
	return model, hex.EncodeToString(sum[:]), err
}
