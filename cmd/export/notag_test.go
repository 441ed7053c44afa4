//go:build !tensorflow

package main

const withTensorFlow = false
