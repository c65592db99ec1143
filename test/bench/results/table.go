package results

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table prints a Markdown table: a row for each thing measured, a column for each
// peer, and how gopm's figure compares with those of two peers. A figure is a
// median with the spread of its rounds.
func (r *Results) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	against := r.against()
	head, line := []string{""}, []string{"---"}
	for _, p := range r.Peers {
		head, line = append(head, p), append(line, "---")
	}
	for _, p := range against {
		head, line = append(head, r.Peers[0]+" / "+p), append(line, "---")
	}
	row(w, head)
	row(w, line)
	for _, k := range r.rows() {
		cells := []string{k.title()}
		for _, p := range r.Peers {
			cells = append(cells, cell(r.of(k.measure, k.where, k.metric, p)))
		}
		for _, p := range against {
			cells = append(cells, r.ratio(k, p))
		}
		row(w, cells)
	}
	return w.Flush()
}

// against are the peers with a ratio of their own: PM2, and the limit.
func (r *Results) against() []string {
	if len(r.Peers) < 2 {
		return nil
	}
	out := []string{r.Peers[1]}
	if last := r.Peers[len(r.Peers)-1]; last != r.Peers[1] {
		out = append(out, last)
	}
	return out
}

func row(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s\t|\n", strings.Join(cells, "\t| "))
}

// key names a row.
type key struct{ measure, where, metric, unit string }

func (k key) title() string {
	parts := []string{k.measure}
	if k.where != "" {
		parts = append(parts, k.where)
	}
	s := strings.Join(append(parts, k.metric), ": ")
	if k.unit != "" {
		s += ", " + k.unit
	}
	return s
}

// rows are in the order in which their first figures were taken.
func (r *Results) rows() []key {
	var out []key
	seen := map[key]bool{}
	for _, s := range r.Samples {
		k := key{s.Measure, s.Case, s.Metric, s.Unit}
		if !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

func cell(samples []Sample) string {
	if len(samples) == 0 {
		return ""
	}
	if samples[0].Metric == Failed {
		var failed, of float64
		for _, s := range samples {
			failed, of = failed+s.Value, of+s.Of
		}
		return fmt.Sprintf("%.0f of %.0f", failed, of)
	}
	values := sorted(samples)
	s := figure(median(values))
	if len(values) > 1 {
		s += fmt.Sprintf(" (%s–%s)", figure(values[0]), figure(values[len(values)-1]))
	}
	return s
}

// figure has three digits that count.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (r *Results) ratio(k key, peer string) string {
	if k.metric == Failed {
		return ""
	}
	ours, found := r.Median(k.measure, k.where, k.metric, r.Peers[0])
	theirs, also := r.Median(k.measure, k.where, k.metric, peer)
	if !found || !also || theirs == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ours/theirs)
}
