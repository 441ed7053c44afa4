//go:build !tensorflow

package main

import (
	"context"
	"errors"
)

func newStep(context.Context, spec) (*worker, error) {
	return nil, errors.New("this program was built without TensorFlow")
}
