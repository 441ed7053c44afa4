//go:build tensorflow

package train

import (
	"fmt"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/dataset"
)

// slots names the variables that a checkpoint keeps of a player.
func (p *player) slots() map[string]*tfgraph.Variables {
	slots := map[string]*tfgraph.Variables{
		p.name:              p.weights,
		p.name + slotMoment: p.m,
		p.name + slotSquare: p.v,
	}
	if p.average != nil {
		slots[p.name+slotAverage] = p.average
	}
	return slots
}

// Checkpoint copies the whole state out. Data is what the run trains on.
func (t *Trainer) Checkpoint(data *dataset.Dataset) (*Checkpoint, error) {
	a, b := data.Domains()
	c := &Checkpoint{
		Step: t.step, Batches: data.Batches(), Device: t.Device(),
		DomainA: a, DomainB: b,
		WidthA: t.shapeA.W, HeightA: t.shapeA.H, WidthB: t.shapeB.W, HeightB: t.shapeB.H,
		Tensors: map[string]Tensor{},
	}
	for _, p := range t.model.players() {
		shapes := map[string][]int{}
		for _, param := range p.net.Params() {
			shapes[param.Name] = param.Shape
		}
		for slot, vars := range p.slots() {
			var w graph.Weights
			err := t.watched(func() (err error) {
				w, err = vars.Save(t.session)
				return err
			})
			if err != nil {
				return nil, err
			}
			for name, values := range w {
				c.Tensors[slot+"/"+name] = Tensor{shapes[name], values}
			}
		}
	}
	for name, pool := range t.pools() {
		shape := t.poolShape(name)
		for i, picture := range pool.pictures {
			c.Tensors[fmt.Sprintf("%s/%04d", name, i)] = Tensor{[]int{shape.H, shape.W, shape.C}, append([]float32(nil), picture...)}
		}
	}
	return c, nil
}

func (t *Trainer) pools() map[string]*imagePool {
	return map[string]*imagePool{"pool_A": &t.poolA, "pool_B": &t.poolB}
}

// poolShape is the shape of a pool's pictures, which are translated ones.
func (t *Trainer) poolShape(name string) graph.Shape {
	if name == "pool_A" {
		return t.model.shapeFakeA
	}
	return t.model.shapeFakeB
}

// Restore takes up the state of a checkpoint. It fails without changing
// anything when the checkpoint is of other networks.
func (t *Trainer) Restore(c *Checkpoint) error {
	type load struct {
		vars *tfgraph.Variables
		w    graph.Weights
	}
	var loads []load
	for _, p := range t.model.players() {
		shapes := map[string][]int{}
		for _, param := range p.net.Params() {
			shapes[param.Name] = param.Shape
		}
		for slot, vars := range p.slots() {
			w := graph.Weights{}
			for _, name := range vars.Names() {
				tensor, ok := c.Tensors[slot+"/"+name]
				if !ok && vars == p.average {
					// An average asked for only now starts from the weights.
					tensor, ok = c.Tensors[p.name+"/"+name]
				}
				if !ok {
					return fmt.Errorf("restore checkpoint: %s has no tensor %q in it", p.name, slot+"/"+name)
				}
				if fmt.Sprint(tensor.Shape) != fmt.Sprint(shapes[name]) {
					return fmt.Errorf("restore checkpoint: %q has shape %v, the network needs %v", slot+"/"+name, tensor.Shape, shapes[name])
				}
				w[name] = tensor.Values
			}
			loads = append(loads, load{vars, w})
		}
	}
	pools := map[string][][]float32{}
	for name, pool := range t.pools() {
		shape := t.poolShape(name)
		for i := 0; ; i++ {
			tensor, ok := c.Tensors[fmt.Sprintf("%s/%04d", name, i)]
			if !ok || i == pool.capacity {
				break
			}
			if len(tensor.Values) != shape.H*shape.W*shape.C {
				return fmt.Errorf("restore checkpoint: a picture of %s is %v, the run's are %v", name, tensor.Shape, shape)
			}
			pools[name] = append(pools[name], append([]float32(nil), tensor.Values...))
		}
	}
	for _, l := range loads {
		if err := t.watched(func() error { return l.vars.Load(t.session, l.w) }); err != nil {
			return fmt.Errorf("restore checkpoint: %w", err)
		}
	}
	for name, pool := range t.pools() {
		pool.pictures = pools[name]
	}
	t.step = c.Step
	return nil
}

func (t *Trainer) generator(name string) (*player, error) {
	switch name {
	case GAB:
		return t.model.gAB, nil
	case GBA:
		return t.model.gBA, nil
	}
	return nil, unknownGenerator(name)
}
