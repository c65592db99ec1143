package results

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table prints a Markdown table for each measure: a row for each thing measured, a
// column for each peer, and how gopm's figure compares with PM2's and the limit's.
// A figure is a median, with the extremes of its rounds.
func (r *Results) Table(out io.Writer) error {
	fmt.Fprintf(out, "%s\n", r.Host)
	for _, m := range r.measures() {
		if err := r.section(out, m); err != nil {
			return err
		}
	}
	if err := r.aims(out); err != nil {
		return err
	}
	if len(r.Published) > 0 {
		fmt.Fprint(out, "\n### elsewhere\n\n")
		r.publishedBody(out)
	}
	return nil
}

// publishedBody is what others say of themselves.
func (r *Results) publishedBody(out io.Writer) {
	for _, p := range r.Published {
		fmt.Fprintf(out, "- %s: %s (%s)\n", p.Of, p.Figure, p.From)
	}
}

func (r *Results) section(out io.Writer, measure string) error {
	fmt.Fprintf(out, "\n### %s\n\n", measure)
	return r.body(out, measure)
}

// body is what stands below a measure's head.
func (r *Results) body(out io.Writer, measure string) error {
	fmt.Fprintf(out, "%s.\n\n", r.About[measure])
	if host, earlier := r.Earlier[measure]; earlier {
		fmt.Fprintf(out, "From another run: %s\n\n", host)
	}
	peers := r.columns(measure)
	var against []string
	for _, p := range []string{PM2, Limit} {
		if slices.Contains(peers, Ours) && slices.Contains(peers, p) {
			against = append(against, p)
		}
	}
	head := append([]string{""}, peers...)
	for _, p := range against {
		head = append(head, Ours+" / "+p)
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row(w, head)
	row(w, slices.Repeat([]string{"---"}, len(head)))
	for _, k := range r.rows(measure) {
		cells := []string{k.title()}
		for _, p := range peers {
			cells = append(cells, cell(r.of(k.measure, k.where, k.metric, p)))
		}
		for _, p := range against {
			cells = append(cells, ratioCell(r.ratio(k.measure, k.where, k.metric, p)))
		}
		row(w, cells)
	}
	return w.Flush()
}

func row(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s\t|\n", strings.Join(cells, "\t| "))
}

// measures are in the order in which they were made.
func (r *Results) measures() []string {
	var out []string
	for _, s := range r.Samples {
		if !slices.Contains(out, s.Measure) {
			out = append(out, s.Measure)
		}
	}
	return out
}

// columns are the peers that a measure has figures of, in the order of Peers, then
// others in the order of the run.
func (r *Results) columns(measure string) []string {
	var seen []string
	for _, s := range r.Samples {
		if s.Measure == measure && !slices.Contains(seen, s.Peer) {
			seen = append(seen, s.Peer)
		}
	}
	place := func(peer string) int {
		if at := slices.Index(r.Peers, peer); at >= 0 {
			return at
		}
		return len(r.Peers)
	}
	slices.SortStableFunc(seen, func(a, b string) int { return place(a) - place(b) })
	return seen
}

// key names a row.
type key struct{ measure, where, metric, unit string }

func (k key) title() string {
	s := k.metric
	if k.where != "" {
		s = k.where + ": " + s
	}
	if k.unit != "" {
		s += ", " + k.unit
	}
	return s
}

// rows of a case are together, in the order in which their first figures were
// taken.
func (r *Results) rows(measure string) []key {
	var out []key
	for _, s := range r.Samples {
		k := key{s.Measure, s.Case, s.Metric, s.Unit}
		if s.Measure != measure || slices.Contains(out, k) {
			continue
		}
		at := len(out)
		for i, other := range out {
			if other.where == k.where {
				at = i + 1
			}
		}
		out = slices.Insert(out, at, k)
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
	if least, most := figure(values[0]), figure(values[len(values)-1]); least != most {
		s += " (" + least + " to " + most + ")"
	}
	return s
}

// figure has three digits that count.
func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func ratioCell(ratio float64, known bool) string {
	if !known {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// ratio is gopm's figure for one of a peer's. Requests that failed have none.
func (r *Results) ratio(measure, where, metric, peer string) (ratio float64, known bool) {
	ours, found := r.Median(measure, where, metric, Ours)
	theirs, also := r.Median(measure, where, metric, peer)
	if metric == Failed || !found || !also || theirs == 0 {
		return 0, false
	}
	return ours / theirs, true
}
