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

// use appends the provider to the session options.
func (p provider) use(so *ort.SessionOptions, o Options, r runtimeInUse) error {
	if p.name == CPU {
		return errors.Join(
			// Idle threads sleep. Spinning took a fifth of the processor time from concurrent images and
			// other programs, and made no run faster.
			so.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
			// Each run allocates tensor by tensor. One block per run would add to what the first run of a
			// size has left allocated.
			so.SetMemPattern(false))
	}
	if err := p.ready(r, runtime.GOOS, dlopen); err != nil {
		return err
	}
	if err := p.claim(r); err != nil {
		return err
	}
	err := p.append(so, p.options(o))
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

// options returns the user's provider options, with those that follow from other fields added.
func (p provider) options(o Options) map[string]string {
	options := map[string]string{}
	switch p.name {
	case CUDA, TensorRT:
		options["device_id"] = strconv.Itoa(o.DeviceID)
	case OpenVINO:
		options["device_type"] = "CPU"
	}
	maps.Copy(options, o.ProviderOptions)
	if p.name == OpenVINO && options["device_type"] == "CPU" {
		_, config := options["load_config"]
		if _, set := options["num_of_threads"]; !set && !config {
			options["num_of_threads"] = strconv.Itoa(o.IntraThreads)
		}
	}
	return options
}

// append calls ONNX Runtime's function for the provider.
func (p provider) append(so *ort.SessionOptions, options map[string]string) error {
	switch p.name {
	case CUDA:
		return appendCUDA(so, options)
	case TensorRT:
		if err := appendTensorRT(so, options); err != nil {
			return err
		}
		// The GPU also runs what TensorRT does not support.
		return appendCUDA(so, map[string]string{"device_id": options["device_id"]})
	case OpenVINO:
		return so.AppendExecutionProvider("OpenVINO", options)
	case CoreML:
		return so.AppendExecutionProviderCoreMLV2(options)
	case DirectML:
		// DirectML requires both settings.
		if err := errors.Join(so.SetMemPattern(false), so.SetExecutionMode(ort.ExecutionModeSequential)); err != nil {
			return err
		}
		return so.AppendExecutionProvider("DML", options)
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

// refused tries each of the user's options alone and reports those that the provider refuses.
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
			bad = append(bad, fmt.Errorf("provider %q does not take the option %s=%s: %w\nFix: %s", p.name, key, o.ProviderOptions[key], runtimeError(err), p.fixOption(key)))
		}
		so.Destroy()
	}
	return errors.Join(bad...)
}

// failed returns the error for a provider that the build has but that does not work.
func (p provider) failed(o Options, err error) error {
	if p.device {
		return fmt.Errorf("provider %q: GPU %d cannot be used: %w\nFix: check that the GPU is present (nvidia-smi lists NVIDIA's), or use provider %q", p.name, o.DeviceID, runtimeError(err), CPU)
	}
	return fmt.Errorf("provider %q: %w", p.name, runtimeError(err))
}
