package report

import (
	"encoding/binary"
	"hash/crc32"
)

// appendTFRecord frames data as TensorFlow's record files do: its length, the
// length's checksum, data, its checksum, all little-endian.
func appendTFRecord(b, data []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b[at:]))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is CRC-32C, rotated and moved by a constant, so that the checksum
// of data that holds checksums is no weaker.
func maskedCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
