package onnxgraph

import (
	"fmt"
	"math"

	"cyclegan/graph"
)

// activation is a tensor [n, h, w, c] in row-major order.
type activation struct {
	n, h, w, c int
	v          []float64
}

func newActivation(n, h, w, c int) activation {
	return activation{n, h, w, c, make([]float64, n*h*w*c)}
}

func (a activation) at(n, y, x, c int) *float64 {
	return &a.v[((n*a.h+y)*a.w+x)*a.c+c]
}

// like returns a tensor of a's shape, whose values f computes from a's.
func (a activation) like(f func(n, y, x, c int, v float64) float64) activation {
	out := newActivation(a.n, a.h, a.w, a.c)
	a.each(func(n, y, x, c int, v float64) { *out.at(n, y, x, c) = f(n, y, x, c, v) })
	return out
}

func (a activation) each(f func(n, y, x, c int, v float64)) {
	for n := range a.n {
		for y := range a.h {
			for x := range a.w {
				for c := range a.c {
					f(n, y, x, c, *a.at(n, y, x, c))
				}
			}
		}
	}
}

// reference computes layers by their definitions in package graph, in double precision and without
// regard to speed, so that it shares nothing with the code under test.
type reference struct{ weights graph.Weights }

func (r reference) layers(layers []graph.Layer, x activation) activation {
	for _, l := range layers {
		x = r.layer(l, x)
	}
	return x
}

func (r reference) layer(l graph.Layer, x activation) activation {
	switch l := l.(type) {
	case graph.Conv:
		return r.conv(l, x)
	case graph.DepthwiseConv:
		return r.depthwise(l, x)
	case graph.ConvTranspose:
		return r.convTranspose(l, x)
	case graph.ZeroPad:
		out := newActivation(x.n, x.h+l.Before+l.After, x.w+l.Before+l.After, x.c)
		x.each(func(n, y, x, c int, v float64) { *out.at(n, y+l.Before, x+l.Before, c) = v })
		return out
	case graph.ReflectPad:
		out := newActivation(x.n, x.h+2*l.Pad, x.w+2*l.Pad, x.c)
		return out.like(func(n, oy, ox, c int, _ float64) float64 {
			return *x.at(n, mirror(oy-l.Pad, x.h), mirror(ox-l.Pad, x.w), c)
		})
	case graph.Upsample:
		return upsample(l, x)
	case graph.InstanceNorm:
		mean := globalMean(x)
		variance := globalMean(x.like(func(n, _, _, c int, v float64) float64 {
			d := v - *mean.at(n, 0, 0, c)
			return d * d
		}))
		return x.like(func(n, _, _, c int, v float64) float64 {
			return (v - *mean.at(n, 0, 0, c)) / math.Sqrt(*variance.at(n, 0, 0, c)+float64(l.Epsilon))
		})
	case graph.BatchNorm:
		of := func(role graph.Role, c int) float64 { return float64(r.weights[l.Name+"."+role.String()][c]) }
		return x.like(func(_, _, _, c int, v float64) float64 {
			return (v-of(graph.Mean, c))/math.Sqrt(of(graph.Variance, c)+float64(l.Epsilon))*of(graph.Gamma, c) + of(graph.Beta, c)
		})
	case graph.ReLU:
		return x.like(func(_, _, _, _ int, v float64) float64 { return math.Max(v, 0) })
	case graph.LeakyReLU:
		return x.like(func(_, _, _, _ int, v float64) float64 { return math.Max(v, 0) + float64(l.Slope)*math.Min(v, 0) })
	case graph.Tanh:
		return x.like(func(_, _, _, _ int, v float64) float64 { return math.Tanh(v) })
	case graph.Clamp:
		return x.like(func(_, _, _, _ int, v float64) float64 {
			return math.Min(math.Max(v, float64(l.Min)), float64(l.Max))
		})
	case graph.Dropout:
		return x
	case graph.GlobalMean:
		return globalMean(x)
	case graph.Residual:
		branch := r.layers(l.Body, x)
		return x.like(func(n, y, x, c int, v float64) float64 { return v + *branch.at(n, y, x, c) })
	case graph.Concat:
		return concat(x, r.layers(l.Body, x))
	case graph.Fork:
		out := r.layers(l.Branches[0], x)
		for _, b := range l.Branches[1:] {
			out = concat(out, r.layers(b, x))
		}
		return out
	}
	panic(fmt.Sprintf("the reference lacks layer kind %T", l))
}

func concat(a, b activation) activation {
	out := newActivation(a.n, a.h, a.w, a.c+b.c)
	return out.like(func(n, y, x, c int, _ float64) float64 {
		if c < a.c {
			return *a.at(n, y, x, c)
		}
		return *b.at(n, y, x, c-a.c)
	})
}

// depthwise gathers as conv does.
func (r reference) depthwise(l graph.DepthwiseConv, x activation) activation {
	weight := r.weights[l.Name+".weight"]
	out := newActivation(x.n, (x.h+2*l.Pad-l.Kernel)/l.Stride+1, (x.w+2*l.Pad-l.Kernel)/l.Stride+1, x.c)
	return out.like(func(n, oy, ox, c int, _ float64) float64 {
		sum := 0.0
		if l.Bias {
			sum = float64(r.weights[l.Name+".bias"][c])
		}
		for ky := range l.Kernel {
			for kx := range l.Kernel {
				y, x0 := oy*l.Stride-l.Pad+ky, ox*l.Stride-l.Pad+kx
				if y >= 0 && y < x.h && x0 >= 0 && x0 < x.w {
					sum += *x.at(n, y, x0, c) * float64(weight[(ky*l.Kernel+kx)*x.c+c])
				}
			}
		}
		return sum
	})
}

// conv gathers: every output pixel adds up what its kernel covers.
func (r reference) conv(l graph.Conv, x activation) activation {
	weight := r.weights[l.Name+".weight"]
	out := newActivation(x.n, (x.h+2*l.Pad-l.Kernel)/l.Stride+1, (x.w+2*l.Pad-l.Kernel)/l.Stride+1, l.Out)
	return out.like(func(n, oy, ox, o int, _ float64) float64 {
		sum := 0.0
		if l.Bias {
			sum = float64(r.weights[l.Name+".bias"][o])
		}
		for ky := range l.Kernel {
			for kx := range l.Kernel {
				y, x0 := oy*l.Stride-l.Pad+ky, ox*l.Stride-l.Pad+kx
				if y < 0 || y >= x.h || x0 < 0 || x0 >= x.w {
					continue
				}
				pixel := x.v[((n*x.h+y)*x.w+x0)*x.c:][:l.In]
				for i, v := range pixel {
					sum += v * float64(weight[((ky*l.Kernel+kx)*l.In+i)*l.Out+o])
				}
			}
		}
		return sum
	})
}

// convTranspose scatters: every input pixel adds its kernel to the output.
func (r reference) convTranspose(l graph.ConvTranspose, x activation) activation {
	weight := r.weights[l.Name+".weight"]
	grow := l.Kernel - 2*l.Pad + l.OutPad
	out := newActivation(x.n, (x.h-1)*l.Stride+grow, (x.w-1)*l.Stride+grow, l.Out)
	if l.Bias {
		out = out.like(func(_, _, _, o int, _ float64) float64 { return float64(r.weights[l.Name+".bias"][o]) })
	}
	x.each(func(n, y, x0, i int, v float64) {
		for ky := range l.Kernel {
			for kx := range l.Kernel {
				oy, ox := y*l.Stride-l.Pad+ky, x0*l.Stride-l.Pad+kx
				if oy < 0 || oy >= out.h || ox < 0 || ox >= out.w {
					continue
				}
				pixel := out.v[((n*out.h+oy)*out.w+ox)*out.c:][:l.Out]
				for o := range pixel {
					pixel[o] += v * float64(weight[((ky*l.Kernel+kx)*l.Out+o)*l.In+i])
				}
			}
		}
	})
	return out
}

func upsample(l graph.Upsample, x activation) activation {
	out := newActivation(x.n, x.h*l.Scale, x.w*l.Scale, x.c)
	if l.Mode == graph.Nearest {
		return out.like(func(n, oy, ox, c int, _ float64) float64 { return *x.at(n, oy/l.Scale, ox/l.Scale, c) })
	}
	// source returns the two pixels around an output pixel's centre and its distance from the
	// first.
	source := func(o, size int) (lo, hi int, part float64) {
		position := math.Max((float64(o)+0.5)/float64(l.Scale)-0.5, 0)
		lo = int(position)
		return lo, min(lo+1, size-1), position - float64(lo)
	}
	return out.like(func(n, oy, ox, c int, _ float64) float64 {
		y0, y1, fy := source(oy, x.h)
		x0, x1, fx := source(ox, x.w)
		top := (1-fx)**x.at(n, y0, x0, c) + fx**x.at(n, y0, x1, c)
		bottom := (1-fx)**x.at(n, y1, x0, c) + fx**x.at(n, y1, x1, c)
		return (1-fy)*top + fy*bottom
	})
}

func globalMean(x activation) activation {
	out := newActivation(x.n, 1, 1, x.c)
	x.each(func(n, _, _, c int, v float64) { *out.at(n, 0, 0, c) += v / float64(x.h*x.w) })
	return out
}

// mirror reflects a position outside [0, size) back into it without repeating the edge.
func mirror(i, size int) int {
	if i < 0 {
		i = -i
	}
	if i >= size {
		i = 2*(size-1) - i
	}
	return i
}
