package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A spec tells a contender's process what to do: the first line of its input.
type spec struct {
	setting
	Contender string            `json:"contender"`
	Weights   map[string]string `json:"weights"` // safetensors with official names, by network

	// For step: files of [N, H, W, C] float32, of A and of B, and how many
	// steps to make before the rounds, whose losses are told.
	Batches    [][2]string `json:"batches,omitempty"`
	CheckSteps int         `json:"check_steps,omitempty"`

	// For the others: our ONNX model and PyTorch's, folders, and pictures
	// [1, C, H, W] float32 to show the generator before the rounds.
	Model       string `json:"model,omitempty"`
	PeerModel   string `json:"peer_model,omitempty"`
	In          string `json:"in,omitempty"`
	Out         string `json:"out,omitempty"`
	CheckInput  string `json:"check_input,omitempty"`
	CheckOutput string `json:"check_output,omitempty"`
}

// An answer is a line that a contender's process writes. One of its fields is set.
type answer struct {
	Ready   *ready   `json:"ready,omitempty"`
	Seconds *float64 `json:"seconds,omitempty"` // of a round
	Error   string   `json:"error,omitempty"`
}

// ready is what a process says before its rounds.
type ready struct {
	Losses   [][]float64       `json:"losses,omitempty"` // of the first steps
	Versions map[string]string `json:"versions"`
	Tiling   *tiling           `json:"tiling,omitempty"` // for a conversion, where the pictures don't go through whole
}

// A resident is a contender's process that stays for all rounds.
type resident struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	log     string
	process watched
}

// startResident starts a process and waits until it is ready. What it says on
// standard error goes to the file log.
func startResident(ctx context.Context, s spec, log, program string, args ...string) (*resident, *ready, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.Create(log)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() // the process has its own
	r := &resident{cmd: exec.CommandContext(ctx, program, args...), log: log}
	r.cmd.Stderr = file
	if self, err := os.Executable(); err == nil && program == self {
		r.cmd.Args[0] = os.Args[0]
	}
	r.cmd.WaitDelay = 5 * time.Second
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	r.out = bufio.NewScanner(out)
	r.out.Buffer(nil, 1<<20)
	if err := r.cmd.Start(); err != nil {
		return nil, nil, err
	}
	r.process = watched{r.cmd.Process.Pid}
	a, err := r.ask(string(data))
	if err == nil && a.Ready == nil {
		err = fmt.Errorf("%s answered something else than that it is ready", filepath.Base(program))
	}
	if err != nil {
		r.close()
		return nil, nil, err
	}
	return r, a.Ready, nil
}

// ask sends a line and reads the answer to it.
func (r *resident) ask(line string) (*answer, error) {
	if _, err := io.WriteString(r.in, line+"\n"); err != nil {
		return nil, r.died()
	}
	if !r.out.Scan() {
		return nil, r.died()
	}
	a := &answer{}
	if err := json.Unmarshal(r.out.Bytes(), a); err != nil {
		return nil, fmt.Errorf("%q is no answer: %w", r.out.Text(), err)
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a, nil
}

// died says how the process ended.
func (r *resident) died() error {
	_ = r.in.Close()
	err := r.cmd.Wait()
	if err == nil {
		err = errors.New("exit status 0")
	}
	return ended(err, r.log)
}

func (r *resident) round(context.Context) (float64, error) {
	a, err := r.ask("round")
	if err != nil {
		return 0, err
	}
	if a.Seconds == nil {
		return 0, errors.New("the process did not say how long the round took")
	}
	return *a.Seconds, nil
}

func (r *resident) cpu() float64 { return r.process.cpu() }
func (r *resident) peak() int64  { return r.process.peak() }

// close ends the process, which ends by itself with its input.
func (r *resident) close() {
	_ = r.in.Close()
	_ = r.cmd.Wait()
}

// ended explains the end of a process by the last line of its log.
func ended(err error, log string) error {
	data, readErr := os.ReadFile(log)
	text := strings.TrimSpace(string(data))
	if readErr != nil || text == "" {
		return fmt.Errorf("its process ended: %w", err)
	}
	last := strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if missing, ok := strings.CutPrefix(last, "ModuleNotFoundError: "); ok {
		return fmt.Errorf("not installed: %s", missing)
	}
	return fmt.Errorf("its process ended: %w: %s", err, last)
}
