package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// grouped writes 12345 as 12,345.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return sign + s
}

// duration writes d in its two largest units: "2 h 05 min".
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0).Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 10*time.Minute:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	switch d = d.Round(time.Minute); {
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%d d %d h", d/day, d%day/time.Hour)
}

func byteSize(n int64) string {
	switch f := float64(n); {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", f/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", f/(1<<20))
	}
	return grouped(n) + " bytes"
}

// perStep writes the time of a step, or how many there are in a second.
func perStep(seconds float64) string {
	if seconds < 0.1 {
		return fmt.Sprintf("%s steps a second", threeDigits(1/seconds))
	}
	return threeDigits(seconds) + " s a step"
}

// scoreText writes a score as tables show it.
func scoreText(v, std float64) string {
	if math.IsNaN(v) {
		return "not finite"
	}
	s := fmt.Sprintf("%.4g", v)
	if std > 0 {
		s += fmt.Sprintf(" ± %.2g", std)
	}
	return strings.Replace(s, "-", "−", 1)
}
