package serve

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
)

// What GET /v1/models answers.
type (
	modelList struct {
		Models  []modelEntry `json:"models"`
		Limits  limitsEntry  `json:"limits"`
		Formats formatsEntry `json:"formats"`
	}
	modelEntry struct {
		Name       string           `json:"name"`
		Directions []directionEntry `json:"directions"`
		Card       string           `json:"card,omitempty"`
		Report     string           `json:"report,omitempty"`
		Training   bool             `json:"training"`
	}
	directionEntry struct {
		Direction    string `json:"direction"`
		From         string `json:"from,omitempty"`
		To           string `json:"to,omitempty"`
		Summary      string `json:"summary"`
		Architecture string `json:"architecture,omitempty"`
		TrainWidth   int    `json:"train_width,omitempty"`
		TrainHeight  int    `json:"train_height,omitempty"`
		Width        int    `json:"width,omitempty"`
		Height       int    `json:"height,omitempty"`
		Step         int64  `json:"step,omitempty"`
		Writer       string `json:"writer,omitempty"`
		Provider     string `json:"provider"`
		Runtime      string `json:"runtime,omitempty"`
		V2           string `json:"v2"`
	}
	limitsEntry struct {
		MaxBytes  int64   `json:"max_bytes"`
		MaxPixels int     `json:"max_pixels"`
		Seconds   float64 `json:"seconds"`
	}
	formatsEntry struct {
		Read  []string `json:"read"`
		Write []string `json:"write"`
	}
)

// list answers GET /v1/models.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	answer := modelList{
		Models:  []modelEntry{},
		Limits:  limitsEntry{s.opt.Limits.MaxBytes, s.opt.Limits.MaxPixels, s.opt.Timeout.Seconds()},
		Formats: formatsEntry{readable, writable()},
	}
	index := map[string]int{}
	for _, n := range s.models.networks() {
		i, ok := index[n.Model]
		if !ok {
			i = len(answer.Models)
			index[n.Model] = i
			answer.Models = append(answer.Models, modelEntry{Name: n.Model})
		}
		m, about, info := &answer.Models[i], n.latest.Load(), n.info
		m.Directions = append(m.Directions, directionEntry{
			Direction: n.direction, From: info.DomainFrom, To: info.DomainTo, Summary: info.Name(), Architecture: info.Architecture,
			TrainWidth: info.TrainWidth, TrainHeight: info.TrainHeight, Width: info.Width, Height: info.Height,
			Step: info.Step, Writer: info.Writer, Provider: info.Provider, Runtime: info.Runtime, V2: n.id,
		})
		m.Card = cmp.Or(m.Card, about.Card)
		m.Training = m.Training || about.Training
		if about.Report != "" {
			m.Report = "v1/models/" + n.Model + "/report"
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

// reportPolicy is the content security policy of a report, which has a stricter one itself.
const reportPolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// report answers GET /v1/models/NAME/report.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	n, err := s.models.find(r.PathValue("model"), "")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	path := n.latest.Load().Report
	if path == "" {
		s.fail(w, r, problemf(http.StatusNotFound, "model %q has no report", n.Model))
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.fail(w, r, fmt.Errorf("report of %s: %w", n.Model, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", reportPolicy)
	s.writeFile(w, text)
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // the types are this package's
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
