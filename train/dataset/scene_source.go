package dataset

import (
	"fmt"
	"image"
)

// sceneSource draws scenes where fileSource reads files.
type sceneSource struct {
	seed, first uint64
	n           int
	season      Season
	side        int // of the square that load draws
}

func (s *sceneSource) size() int         { return s.n }
func (s *sceneSource) title() string     { return s.season.String() }
func (s *sceneSource) name(i int) string { return fmt.Sprintf("scene_%s_%05d", s.season, i) }

func (s *sceneSource) load(i int) (*image.NRGBA, error) { return s.at(i, s.side, s.side) }

func (s *sceneSource) at(i, w, h int) (*image.NRGBA, error) {
	if min(w, h) < 1 || max(w, h) > MaxSceneSide {
		return nil, fmt.Errorf("scenes are drawn with sides of 1 to %d pixels, not at %dx%d", MaxSceneSide, w, h)
	}
	return Scene(s.seed, s.first+uint64(i), s.season, w, h), nil
}
