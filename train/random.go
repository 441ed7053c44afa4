package train

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// randomStream returns a generator for one purpose at one place of a run.
// Nothing random carries over from step to step: a resumed run draws the same
// numbers because it asks for the same streams.
func randomStream(seed uint64, purpose string, index int64) *rand.Rand {
	key := binary.LittleEndian.AppendUint64(nil, seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(index))
	sum := sha256.Sum256(append(key, purpose...))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
}
