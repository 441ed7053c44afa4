package pytorch

import "fmt"

// globals are the names that a state dict may call for, besides the storages.
const (
	orderedDict      = "collections.OrderedDict"
	rebuildTensor    = "torch._utils._rebuild_tensor"
	rebuildTensorV2  = "torch._utils._rebuild_tensor_v2"
	rebuildParameter = "torch._utils._rebuild_parameter"
)

func (u *unpickler) global(code byte) error {
	var module, name string
	if code == opGlobal {
		var err error
		if module, err = u.line(); err != nil {
			return err
		}
		if name, err = u.line(); err != nil {
			return err
		}
	} else {
		values, err := u.popN(2)
		if err != nil {
			return err
		}
		var ok1, ok2 bool
		module, ok1 = values[0].(string)
		name, ok2 = values[1].(string)
		if !ok1 || !ok2 {
			return fmt.Errorf("the pickle names a global by a %s and a %s", kindOf(values[0]), kindOf(values[1]))
		}
	}
	g := global(module + "." + name)
	switch g {
	case orderedDict, rebuildTensor, rebuildTensorV2, rebuildParameter:
	default:
		if _, ok := elementTypes[g]; !ok {
			return fmt.Errorf("the pickle asks for %q, which no state dict needs; nothing was run. If the file holds a whole model, save net.state_dict() in PyTorch", g)
		}
	}
	u.push(g)
	return nil
}

// make carries out what in Python would call a function.
func (u *unpickler) make(code byte) error {
	if code == opBinPersID {
		top, err := u.pop()
		if err != nil {
			return err
		}
		id, ok := top.(tuple)
		if !ok || u.persistent == nil {
			return fmt.Errorf("the pickle refers by a %s to what lies outside of it", kindOf(top))
		}
		object, err := u.persistent(id)
		u.push(object)
		return err
	}
	values, err := u.popN(2)
	if err != nil {
		return err
	}
	if code == opBuild {
		// The attributes of an OrderedDict: the modules' versions, of no use.
		if _, ok := values[0].(*dict); !ok {
			return fmt.Errorf("the pickle gives attributes to a %s", kindOf(values[0]))
		}
		u.push(values[0])
		return nil
	}
	g, ok1 := values[0].(global)
	args, ok2 := values[1].(tuple)
	if !ok1 || !ok2 {
		return fmt.Errorf("the pickle calls a %s with a %s", kindOf(values[0]), kindOf(values[1]))
	}
	object, err := call(g, args)
	u.push(object)
	return err
}

// call makes the value that a global stands for.
func call(g global, args tuple) (any, error) {
	switch {
	case g == orderedDict && len(args) == 0:
		return &dict{}, nil
	case g == orderedDict && len(args) == 1:
		return dictOf(args[0])
	case g == rebuildTensor && len(args) == 4, g == rebuildTensorV2 && len(args) >= 6:
		return newView(args)
	case g == rebuildParameter && len(args) >= 1:
		if v, ok := args[0].(*view); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the pickle calls %s with %d arguments", g, len(args))
}

// dictOf makes a dict from a list of pairs, which is how Python 2 pickles an
// OrderedDict.
func dictOf(arg any) (any, error) {
	pairs, ok := arg.(*list)
	if !ok {
		return nil, fmt.Errorf("the pickle makes a dict from a %s", kindOf(arg))
	}
	d := &dict{}
	for _, p := range pairs.items {
		var pair []any
		switch p := p.(type) {
		case *list:
			pair = p.items
		case tuple:
			pair = p
		}
		if len(pair) != 2 {
			return nil, fmt.Errorf("the pickle makes a dict from a list with a %s", kindOf(p))
		}
		d.keys, d.values = append(d.keys, pair[0]), append(d.values, pair[1])
	}
	return d, nil
}
