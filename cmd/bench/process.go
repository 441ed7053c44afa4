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

// spec is the first line that a contender's process reads: it says what to do.
type spec struct {
	setting
	Contender string            `json:"contender"`
	Weights   map[string]string `json:"weights"` // safetensors with the official names, by network

	// For step: files of [N, H, W, C] float32, of A and of B, and the number of steps before the
	// first turn, whose losses the process reports.
	Batches    [][2]string `json:"batches,omitempty"`
	CheckSteps int         `json:"check_steps,omitempty"`

	// For the others: our ONNX model and PyTorch's, folders, and images [1, C, H, W] float32 to run
	// before the first turn.
	Model       string `json:"model,omitempty"`
	PeerModel   string `json:"peer_model,omitempty"`
	In          string `json:"in,omitempty"`
	Out         string `json:"out,omitempty"`
	CheckInput  string `json:"check_input,omitempty"`
	CheckOutput string `json:"check_output,omitempty"`

	dir string // of all these files
}

// answer is a line that a contender's process writes. One of its fields is set.
type answer struct {
	Ready   *ready   `json:"ready,omitempty"`
	Seconds *float64 `json:"seconds,omitempty"` // of a turn
	Error   string   `json:"error,omitempty"`
}

// ready is the first answer of a process.
type ready struct {
	Losses   [][]float64       `json:"losses,omitempty"` // of the first steps
	Versions map[string]string `json:"versions"`
}

// resident is a contender whose process stays for all turns.
type resident struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	log string
}

// startResident starts a process and waits until it is ready. Its standard error goes to the file
// log.
func startResident(cmd *exec.Cmd, s spec, log string) (*resident, *ready, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.Create(log)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() // the process has its own
	r := &resident{cmd: cmd, log: log}
	cmd.Stderr = file
	cmd.WaitDelay = 5 * time.Second
	if r.in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	r.out = bufio.NewScanner(out)
	r.out.Buffer(nil, 1<<20)
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	a, err := r.ask(string(data))
	if err == nil && a.Ready == nil {
		err = fmt.Errorf("%s did not answer that it is ready", filepath.Base(cmd.Path))
	}
	if err != nil {
		r.close()
		return nil, nil, err
	}
	return r, a.Ready, nil
}

// ask sends a line and reads the answer.
func (r *resident) ask(line string) (*answer, error) {
	if _, err := io.WriteString(r.in, line+"\n"); err != nil || !r.out.Scan() {
		_ = r.in.Close()
		err := r.cmd.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		return nil, explain(err, r.log)
	}
	a := &answer{}
	if err := json.Unmarshal(r.out.Bytes(), a); err != nil {
		return nil, fmt.Errorf("cannot parse the answer %q: %w", r.out.Text(), err)
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a, nil
}

func (r *resident) turn(context.Context) (float64, error) {
	a, err := r.ask("round")
	if err != nil {
		return 0, err
	}
	if a.Seconds == nil {
		return 0, errors.New("the process did not report the seconds of its turn")
	}
	return *a.Seconds, nil
}

// peak reads the peak resident memory from /proc, so it is 0 on other systems than Linux. The
// resource usage of a child would start at that of its parent.
func (r *resident) peak() int64 {
	return kilobytes(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid), "VmHWM")
}

// close ends the process, which exits at the end of its input.
func (r *resident) close() {
	_ = r.in.Close()
	_ = r.cmd.Wait()
}

// starter is a contender that starts a process for each turn, as work cold asks for.
type starter struct {
	command []string
	log     string
}

func (s *starter) turn(ctx context.Context) (float64, error) {
	file, err := os.Create(s.log)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Stdout, cmd.Stderr = file, file
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, explain(err, s.log)
	}
	return time.Since(begin).Seconds(), nil
}

func (s *starter) peak() int64 { return 0 }
func (s *starter) close()      {}

// explain adds the last line of a process's log to the error it ended with.
func explain(err error, log string) error {
	data, readErr := os.ReadFile(log)
	text := strings.TrimSpace(string(data))
	if readErr != nil || text == "" {
		return fmt.Errorf("the process ended: %w", err)
	}
	last := strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if missing, ok := strings.CutPrefix(last, "ModuleNotFoundError: "); ok {
		return fmt.Errorf("not installed: %s", missing)
	}
	return fmt.Errorf("the process ended: %w: %s", err, last)
}
