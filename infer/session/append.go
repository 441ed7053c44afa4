//go:build cgo

package session

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"
)

// use appends the provider to the session options.
func (p provider) use(so *ort.SessionOptions, o Options, r runtimeInUse) error {
	if p.name == CPU {
		return errors.Join(
			// Idle threads sleep. Spinning took a fifth of the processor time from concurrent
			// images and other programs, and made no run faster.
			so.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
			// Each run allocates tensor by tensor. One block per run would add to what the first
			// run of a size has left allocated.
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
		return appendGPU(ort.NewCUDAProviderOptions, options, so.AppendExecutionProviderCUDA)
	case TensorRT:
		if err := appendGPU(ort.NewTensorRTProviderOptions, options, so.AppendExecutionProviderTensorRT); err != nil {
			return err
		}
		// The GPU also runs what TensorRT does not support.
		device := map[string]string{"device_id": options["device_id"]}
		return appendGPU(ort.NewCUDAProviderOptions, device, so.AppendExecutionProviderCUDA)
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

type gpuOptions interface {
	Update(options map[string]string) error
	Destroy() error
}

func appendGPU[T gpuOptions](create func() (T, error), options map[string]string, add func(T) error) error {
	o, err := create()
	if err != nil {
		return err
	}
	defer o.Destroy()
	if err := o.Update(options); err != nil {
		return err
	}
	return add(o)
}

// failed returns the error for a provider that the build has but that does not work.
func (p provider) failed(o Options, err error) error {
	with, fix := "", ""
	if len(o.ProviderOptions) > 0 {
		with = " with " + optionList(o.ProviderOptions)
		fix = "\nFix: check the options in ONNX Runtime's documentation of its " + p.title + " provider"
	}
	if p.device {
		with += fmt.Sprintf(": GPU %d cannot be used", o.DeviceID)
		fix += fmt.Sprintf("\nFix: check that the GPU is present (nvidia-smi lists NVIDIA's), or use provider %q", CPU)
	}
	return fmt.Errorf("provider %q%s: %w%s", p.name, with, runtimeError(err), fix)
}
