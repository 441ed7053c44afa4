//go:build tensorflow

package main

const withTensorFlow = true
