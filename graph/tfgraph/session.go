//go:build tensorflow

package tfgraph

import (
	"errors"
	"fmt"
	"sync"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"github.com/wamuir/graft/tensorflow/op"
	"google.golang.org/protobuf/proto"

	"cyclegan/graph"
)

// A Name identifies an output of an operation. Unlike a tf.Output, which belongs to the graph it
// was made in, a name also holds in an edited copy.
type Name struct {
	Op    string
	Index int
}

// NameOf returns the name of an output.
func NameOf(o tf.Output) Name { return Name{o.Op.Name(), o.Index} }

// Feeds are the values of a run's placeholders.
type Feeds = map[Name]*tf.Tensor

// A Part is what one run computes: the outputs it returns and the operations it only executes.
type Part struct {
	fetches []Name
	targets []string
}

// NewPart returns the part that fetches some outputs and executes some operations.
func NewPart(fetches []tf.Output, targets ...*tf.Operation) Part {
	var p Part
	for _, o := range fetches {
		p.fetches = append(p.fetches, NameOf(o))
	}
	for _, o := range targets {
		p.targets = append(p.targets, o.Name())
	}
	return p
}

// Empty reports whether a run of the part would do nothing.
func (p Part) Empty() bool { return len(p.fetches)+len(p.targets) == 0 }

// A Session runs parts of a graph. It looks up every name in its own graph, so that nothing built
// in another graph can reach TensorFlow: a name that the graph does not have is an error. A session
// is safe for concurrent use.
type Session struct {
	session *tf.Session
	graph   *tf.Graph
	mu      sync.Mutex
	found   map[string]*tf.Operation
}

// NewSession starts a session on the server target, or in this process if target is empty. A nil
// config is TensorFlow's default.
func NewSession(g *tf.Graph, target string, config *pb.ConfigProto) (*Session, error) {
	var session *tf.Session
	text, err := proto.Marshal(config)
	if err == nil {
		session, err = tf.NewSession(g, &tf.SessionOptions{Target: target, Config: text})
	}
	if err != nil {
		return nil, fmt.Errorf("start TensorFlow: %w", err)
	}
	return &Session{session: session, graph: g, found: map[string]*tf.Operation{}}, nil
}

// Graph returns the session's graph. Operations may be added between runs.
func (s *Session) Graph() *tf.Graph { return s.graph }

// Close ends the session. It is safe to call twice.
func (s *Session) Close() error { return s.session.Close() }

// GPUs returns the number of GPUs that the session can use.
func (s *Session) GPUs() (int, error) {
	devices, err := s.session.ListDevices()
	count := 0
	for _, d := range devices {
		if d.Type == "GPU" {
			count++
		}
	}
	return count, err
}

// Run runs a part and returns what it fetches.
func (s *Session) Run(p Part, feeds Feeds) ([]*tf.Tensor, error) {
	r, err := s.resolve(p, feeds)
	if err != nil || p.Empty() {
		return nil, err
	}
	return s.session.Run(r.feeds, r.fetches, r.targets)
}

// Check reports every name in parts that the graph does not have.
func (s *Session) Check(parts ...Part) error {
	var errs []error
	for _, p := range parts {
		_, err := s.resolve(p, nil)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// resolved is a part with its feeds in the session's graph.
type resolved struct {
	feeds   map[tf.Output]*tf.Tensor
	fetches []tf.Output
	targets []*tf.Operation
}

func (s *Session) resolve(p Part, feeds Feeds) (*resolved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var unknown []error
	find := func(name string) *tf.Operation {
		o := s.found[name]
		if o == nil {
			if o = s.graph.Operation(name); o == nil {
				unknown = append(unknown, fmt.Errorf("run graph: it has no operation %q", name))
			}
			s.found[name] = o
		}
		return o
	}
	r := &resolved{feeds: map[tf.Output]*tf.Tensor{}}
	for name, tensor := range feeds {
		r.feeds[tf.Output{Op: find(name.Op), Index: name.Index}] = tensor
	}
	for _, name := range p.fetches {
		r.fetches = append(r.fetches, tf.Output{Op: find(name.Op), Index: name.Index})
	}
	for _, name := range p.targets {
		r.targets = append(r.targets, find(name))
	}
	return r, errors.Join(unknown...)
}

// Plain keeps TensorFlow from rewriting graphs. Rewriting takes most of the time of a run of a few
// steps and saves time in every longer one, so only tests set it.
var Plain bool

// Rewrites configures how TensorFlow rewrites a graph with these networks. Its remapper fails on
// the skip connections of a U-Net and on the levels of a pyramid, so it is off for those.
func Rewrites(networks ...*graph.Network) *pb.RewriterConfig {
	rewrites := &pb.RewriterConfig{DisableMetaOptimizer: Plain}
	for _, n := range networks {
		n.Walk(func(l graph.Layer) {
			switch l.(type) {
			case graph.Concat, graph.Level:
				rewrites.Remapping = pb.RewriterConfig_OFF
			}
		})
	}
	return rewrites
}

// Evaluate runs a trained network once, in float32 on the CPU: a GPU would round products to fewer
// bits. Images are [n, H, W, C], shape is the shape of one image, and the result is [n, H', W',
// C'].
func Evaluate(net *graph.Network, w graph.Weights, images []float32, n int, shape graph.Shape) (_ []float32, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("evaluate %s: %w", net.Name, err)
		}
	}()
	if err := w.Check(net); err != nil {
		return nil, err
	}
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	vars := NewVariables(s, "weights", net, nil)
	in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(int64(n), int64(shape.H), int64(shape.W), int64(shape.C))))
	out, _ := Apply(s, net, vars.Values(g), in, Mode{})
	// An output that is also fed cannot be fetched, as in a network without layers.
	out = op.Identity(s.SubScope("out"), out)
	if err := s.Err(); err != nil {
		return nil, err
	}
	session, err := NewSession(g, "", &pb.ConfigProto{
		DeviceCount:  map[string]int32{"GPU": 0},
		GraphOptions: &pb.GraphOptions{RewriteOptions: Rewrites(net)},
	})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	if err := vars.Load(session, w); err != nil {
		return nil, err
	}
	feed, err := NewTensor(images, n, shape.H, shape.W, shape.C)
	if err != nil {
		return nil, err
	}
	fetched, err := session.Run(NewPart([]tf.Output{out}), Feeds{NameOf(in): feed})
	if err != nil {
		return nil, err
	}
	return Floats(nil, fetched[0])
}
