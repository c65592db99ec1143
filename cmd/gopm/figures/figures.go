// Package figures writes numbers as PM2 shows them.
package figures

import (
	"fmt"
	"strconv"
	"time"
)

// Percent is a part of one CPU; "-" where it is not known.
func Percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return strconv.FormatFloat(*p, 'f', 1, 64) + "%"
}

// Uptime is how long something runs, in its largest unit.
func Uptime(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dD", int(d.Hours())/24)
}
