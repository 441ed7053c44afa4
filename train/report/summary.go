package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image/png"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/summary_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

func scalarValue(tag string, v float64) *summary_go_proto.Summary_Value {
	return &summary_go_proto.Summary_Value{
		Tag:   valid(tag),
		Value: &summary_go_proto.Summary_Value_SimpleValue{SimpleValue: float32(v)},
	}
}

// description returns the text that TensorBoard shows next to the title of a chart.
func description(markdown string) *summary_go_proto.SummaryMetadata {
	return &summary_go_proto.SummaryMetadata{
		PluginData:         &summary_go_proto.SummaryMetadata_PluginData{PluginName: "scalars"},
		SummaryDescription: valid(markdown),
		DataClass:          summary_go_proto.DataClass_DATA_CLASS_SCALAR,
	}
}

func imageValue(tag string, data []byte) (*summary_go_proto.Summary_Value, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("not a PNG file: %w", err)
	}
	const rgb = 3 // in summary.proto
	return &summary_go_proto.Summary_Value{
		Tag: valid(tag),
		Value: &summary_go_proto.Summary_Value_Image{Image: &summary_go_proto.Summary_Image{
			Width: int32(c.Width), Height: int32(c.Height), Colorspace: rgb, EncodedImageString: data,
		}},
	}, nil
}

func textValue(tag, markdown string) *summary_go_proto.Summary_Value {
	return &summary_go_proto.Summary_Value{
		Tag: valid(tag),
		Metadata: &summary_go_proto.SummaryMetadata{
			PluginData: &summary_go_proto.SummaryMetadata_PluginData{PluginName: "text"},
			DataClass:  summary_go_proto.DataClass_DATA_CLASS_TENSOR,
		},
		Value: &summary_go_proto.Summary_Value_Tensor{Tensor: &tensor_go_proto.TensorProto{
			Dtype:       types_go_proto.DataType_DT_STRING,
			TensorShape: &tensor_shape_go_proto.TensorShapeProto{},
			StringVal:   [][]byte{[]byte(valid(markdown))},
		}},
	}
}

// valid replaces invalid UTF-8, which protobuf rejects.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// optionTable returns the options as a Markdown table. Changed options are bold.
func optionTable(options []Option) string {
	var b strings.Builder
	b.WriteString("| option | value | preset | meaning |\n|---|---|---|---|\n")
	for _, o := range options {
		name, preset := inCell(o.Name), ""
		if o.Changed {
			name, preset = "**"+name+"**", inCell(o.Default)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, inCell(o.Value), preset, inCell(o.Usage))
	}
	return b.String()
}

// inCellReplacer escapes a text for a cell of a Markdown table.
var inCellReplacer = strings.NewReplacer(
	"\n", " ", "\r", " ", `\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "<", "&lt;", "&", "&amp;")

func inCell(s string) string { return inCellReplacer.Replace(s) }

// appendTFRecord appends a record in TensorFlow's format: length, checksum of the length, data,
// checksum of the data, all little-endian.
func appendTFRecord(b, data []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b[at:]))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is CRC-32C, rotated and shifted by a constant, as TensorFlow defines it.
func maskedCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
