package results

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// An aim is what a ratio should be, where gopm is to lead.
type aim struct {
	what                   string
	measure, where, metric string
	peer                   string // whose figure gopm's is divided by; empty: nobody's
	atLeast, atMost        float64
}

const many = 1e9

var aims = []aim{
	{"a connection per request", "throughput", "a connection per request", "requests", PM2, 3, many},
	{"a connection per request", "throughput", "a connection per request", "requests", Limit, 0.97, many},
	{"keep-alive", "throughput", "keep-alive", "requests", PM2, 1.3, many},
	{"keep-alive", "throughput", "keep-alive", "requests", Limit, 0.98, many},
	{"fairness, 64 connections", "fairness", "64 connections", "max/min", "", 0, 1.05},
	{"fairness, 512 connections", "fairness", "512 connections", "max/min", "", 0, 1.05},
	{"fairness, 64 WebSockets", "fairness", "64 WebSockets", "max/min", "", 0, 1.05},
	{"supervisor's memory, 16 workers", "size", "16 workers", "supervisor, PSS", PM2, 0, 1.0 / 6},
	{"supervisors' memory, 20 small apps, cluster mode", "apps", "20 in cluster mode", "their PSS", PM2, 0, 1},
	{"supervisors' memory, 20 small apps, fork mode", "apps", "20 in fork mode", "their PSS", PM2, 0, 1},
	{"reload, 200 callers a second", "timeline", "", "time to complete", PM2, 0, 1},
	{"reload, keep-alive", "reload", "keep-alive", "time to complete", PM2, 0, 1},
	{"reload, a connection per request", "reload", "a connection per request", "time to complete", PM2, 0, 1},
	{"reload, a route that takes 100 ms", "reload", "a route that takes 100 ms", "time to complete", PM2, 0, 1},
	{"reload, 64 KiB", "reload", "64 KiB", "time to complete", PM2, 0, 1},
	{"reload, TLS", "reload", "TLS, keep-alive", "time to complete", PM2, 0, 1},
}

// aims prints which aims were met, and how many requests gopm lost where it should
// lose none.
func (r *Results) aims(out io.Writer) error {
	if len(r.ratios())+len(r.losses()) == 0 {
		return nil
	}
	fmt.Fprint(out, "\n### aims\n\n")
	return r.aimsBody(out)
}

// aimsBody is what stands below the head.
func (r *Results) aimsBody(out io.Writer) error {
	rows := append(r.ratios(), r.losses()...)
	fmt.Fprint(out, "Medians of gopm, beside those of a peer.\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row(w, []string{"", "beside", "aim", "is", ""})
	row(w, []string{"---", "---", "---", "---", "---"})
	for _, cells := range rows {
		row(w, cells)
	}
	return w.Flush()
}

func (r *Results) ratios() [][]string {
	var rows [][]string
	for _, a := range aims {
		is, known := r.Median(a.measure, a.where, a.metric, Ours)
		if a.peer != "" {
			is, known = r.ratio(a.measure, a.where, a.metric, a.peer)
		}
		if known {
			rows = append(rows, []string{a.what, a.peer, a.wanted(), fmt.Sprintf("%.3f", is), a.verdict(is)})
		}
	}
	return rows
}

func (r *Results) losses() [][]string {
	var rows [][]string
	for _, measure := range []string{"reload", "timeline", "killed", "broken"} {
		failed, found := 0.0, false
		for _, s := range r.Samples {
			if s.Measure == measure && s.Peer == Ours && s.Metric == Failed {
				failed, found = failed+s.Value, true
			}
		}
		if found {
			rows = append(rows, []string{measure + ", failed requests", "", "0", figure(failed), aim{}.verdict(failed)})
		}
	}
	return rows
}

func (a aim) wanted() string {
	if a.atMost == many {
		return fmt.Sprintf("≥ %.2f", a.atLeast)
	}
	return fmt.Sprintf("≤ %.2f", a.atMost)
}

func (a aim) verdict(is float64) string {
	if is >= a.atLeast && is <= a.atMost {
		return "met"
	}
	return "**not met**"
}
