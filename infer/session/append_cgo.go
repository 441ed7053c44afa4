//go:build cgo

package session

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"
)

// use gives the model to a provider, and what that cannot do to ONNX Runtime's own code.
func (p provider) use(so *ort.SessionOptions, o Options, r runtimeInUse) error {
	if p.name == CPU {
		return onProcessor(so)
	}
	if err := p.ready(r, runtime.GOOS, dlopen); err != nil {
		return err
	}
	if err := p.claim(r); err != nil {
		return err
	}
	options := p.options(o)
	err := p.append(so, options)
	switch {
	case err == nil:
		return nil
	case lacksProvider(err):
		return p.without(r)
	case len(o.ProviderOptions) > 0:
		if refused := p.refused(o); refused != nil {
			return refused
		}
	}
	return p.failed(o, err)
}

// onProcessor sets what ONNX Runtime's own code does better otherwise than by default.
func onProcessor(so *ort.SessionOptions) error {
	return errors.Join(
		// A thread that has nothing to do sleeps. Turning round until there is something took a fifth of the processors' time, from the other
		// picture in the model and from other programs, and made no run faster.
		so.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		// Each run takes its memory piece by piece, where one block for all of it would come on top of what the first run of a size has left behind.
		so.SetMemPattern(false))
}

// options are what the provider is told: the person's own, and what Options has a field for.
func (p provider) options(o Options) map[string]string {
	options := maps.Clone(o.ProviderOptions)
	if options == nil {
		options = map[string]string{}
	}
	set := func(key, value string) {
		if _, ok := options[key]; !ok {
			options[key] = value
		}
	}
	switch p.name {
	case CUDA, TensorRT:
		set("device_id", strconv.Itoa(o.DeviceID))
	case OpenVINO:
		set("device_type", "CPU")
		if _, own := options["load_config"]; !own && options["device_type"] == "CPU" {
			set("num_of_threads", strconv.Itoa(o.IntraThreads))
		}
	}
	return options
}

// append is ONNX Runtime's call for the provider.
func (p provider) append(so *ort.SessionOptions, options map[string]string) error {
	switch p.name {
	case CUDA:
		return appendCUDA(so, options)
	case TensorRT:
		if err := appendTensorRT(so, options); err != nil {
			return err
		}
		// what TensorRT cannot do stays on the GPU
		return appendCUDA(so, map[string]string{"device_id": options["device_id"]})
	case OpenVINO:
		return so.AppendExecutionProvider("OpenVINO", options)
	case CoreML:
		return so.AppendExecutionProviderCoreMLV2(options)
	case DirectML:
		return appendDirectML(so, options)
	}
	return fmt.Errorf("provider %q is unknown", p.name)
}

func appendCUDA(so *ort.SessionOptions, options map[string]string) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	if err := cuda.Update(options); err != nil {
		return err
	}
	return so.AppendExecutionProviderCUDA(cuda)
}

func appendTensorRT(so *ort.SessionOptions, options map[string]string) error {
	rt, err := ort.NewTensorRTProviderOptions()
	if err != nil {
		return err
	}
	defer rt.Destroy()
	if err := rt.Update(options); err != nil {
		return err
	}
	return so.AppendExecutionProviderTensorRT(rt)
}

// appendDirectML sets what DirectML cannot do without, too: no plan of memory ahead, one operation after the other.
func appendDirectML(so *ort.SessionOptions, options map[string]string) error {
	if err := errors.Join(so.SetMemPattern(false), so.SetExecutionMode(ort.ExecutionModeSequential)); err != nil {
		return err
	}
	return so.AppendExecutionProvider("DML", options)
}

// refused finds the provider options that are not taken, by giving the provider each by itself. Nil if each is taken.
func (p provider) refused(o Options) error {
	var bad []error
	for _, key := range slices.Sorted(maps.Keys(o.ProviderOptions)) {
		so, err := ort.NewSessionOptions()
		if err != nil {
			return err
		}
		one := o
		one.ProviderOptions = map[string]string{key: o.ProviderOptions[key]}
		if err := p.append(so, p.options(one)); err != nil {
			bad = append(bad, fmt.Errorf("provider %q does not take the option %s=%s: %w\nto mend it: %s", p.name, key, o.ProviderOptions[key], reason(err), p.mendOption(key)))
		}
		so.Destroy()
	}
	return errors.Join(bad...)
}

// failed is the error for a provider that the build has and that does not work.
func (p provider) failed(o Options, err error) error {
	if p.device {
		return fmt.Errorf("provider %q: GPU %d cannot be used: %w\nto mend it: see that the GPU is there (nvidia-smi lists NVIDIA's), or use provider %q", p.name, o.DeviceID, reason(err), CPU)
	}
	return fmt.Errorf("provider %q: %w", p.name, reason(err))
}
