package infer

import (
	"cyclegan/infer/internal/fastconv"
	"cyclegan/infer/internal/onnxfile"
	"cyclegan/infer/session"
)

// openFast opens a model, on the processor with its convolutions in forms that are faster there; for other devices the libraries of their makers
// choose such forms themselves. network is what data holds. Where weights lie in files of their own (external), the model stays as it is.
func openFast(data []byte, network *onnxfile.Model, external bool, o *session.Options, open func([]byte, *session.Options) (*session.Session, error)) (*session.Session, error) {
	if o.Provider == "" || o.Provider == session.CPU {
		return open(fast(data, network, external), o)
	}
	s, err := open(data, o)
	if err != nil || s.Options().Provider != session.CPU {
		return s, err
	}
	// Auto found nothing better than the processor.
	defer s.Close()
	return open(fast(data, network, external), o)
}

func fast(data []byte, network *onnxfile.Model, external bool) []byte {
	if external {
		return data
	}
	if file, count := fastconv.Rewrite(network); count > 0 {
		return file
	}
	return data
}
