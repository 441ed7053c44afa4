package onnxfile

// parsePort reads a ValueInfoProto: name 1, type 2 with tensor_type 1, in which elem_type 1 and shape 2 stand.
func parsePort(msg []byte) (*Port, error) {
	p := &Port{}
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			p.Name = string(f.bytes)
		case 2:
			return fields(f.bytes, func(f field) error {
				if f.num != 1 {
					return nil
				}
				return fields(f.bytes, p.tensorType)
			})
		}
		return nil
	})
	return p, err
}

func (p *Port) tensorType(f field) error {
	switch f.num {
	case 1:
		p.Type = int64(f.varint)
	case 2:
		p.Dims = []int64{}
		return fields(f.bytes, func(f field) error {
			if f.num != 1 {
				return nil
			}
			size := int64(-1)
			err := fields(f.bytes, func(f field) error {
				if f.num == 1 {
					size = max(int64(f.varint), -1)
				}
				return nil
			})
			p.Dims = append(p.Dims, size)
			return err
		})
	}
	return nil
}

func (p *Port) encode() []byte {
	tensor := appendInt(nil, 1, p.Type)
	if p.Dims != nil {
		var shape []byte
		for _, d := range p.Dims {
			var dim []byte // an empty one is a size that nothing is known of
			if d >= 0 {
				dim = appendInt(dim, 1, d)
			}
			shape = appendMessage(shape, 1, dim)
		}
		tensor = appendMessage(tensor, 2, shape)
	}
	return appendMessage(appendText(nil, 1, p.Name), 2, appendMessage(nil, 1, tensor))
}
