package metric

// A Score is one number about pictures.
type Score struct {
	// Name says what was measured and on which side: "cycle_A_L1", "SWD_AB" (the pictures of G_AB against domain B).
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Std is the standard deviation over the subsets that KID is a mean of; 0 for other scores.
	Std float64 `json:"std,omitempty"`
	// N counts the pictures judged, NReal the reference pictures where the score compares two sets.
	N     int `json:"n"`
	NReal int `json:"n_real,omitempty"`
	// Higher says that higher is better.
	Higher bool `json:"higher"`
}
