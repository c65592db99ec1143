// Package plots draws what a run of the benchmark found, as SVG.
package plots

import (
	"errors"
	"fmt"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/gopm/gopm/test/bench/results"
)

// Draw writes throughput.svg, fairness.svg and reload.svg into a folder, each
// where the run has figures for it.
func Draw(folder string, r *results.Results) error {
	return errors.Join(
		bars(filepath.Join(folder, "throughput.svg"), r, "Requests a second, beside the limit", "throughput", "requests", true),
		bars(filepath.Join(folder, "fairness.svg"), r, "Connections of the busiest worker for one of the idlest", "fairness", "max/min", false),
		timelines(filepath.Join(folder, "reload.svg"), r),
	)
}

// colours are told apart by the colour-blind too (Okabe and Ito, 2008), gopm's
// first.
var colours = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0x99, 0x99, 0x99, 0xff},
}

// bars draws the median of a metric for each case and peer; relative, as a part of
// the limit's, so that cases of different size share a scale.
func bars(name string, r *results.Results, title, measure, metric string, relative bool) error {
	cases := r.Cases(measure, metric)
	if len(cases) == 0 {
		return nil
	}
	p := newPlot()
	p.Title.Text = title
	p.Y.Min = 0
	p.Legend.Top = true
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	p.Add(grid)
	width := vg.Points(60 / float64(len(r.Peers)))
	for i, peer := range r.Peers {
		var values plotter.Values
		for _, c := range cases {
			v, _ := r.Median(measure, c, metric, peer)
			if limit, found := r.Median(measure, c, metric, results.Limit); relative && found && limit > 0 {
				v /= limit
			}
			values = append(values, v)
		}
		chart, err := plotter.NewBarChart(values, width)
		if err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
		chart.LineStyle.Width = 0
		chart.Color = colours[i%len(colours)]
		chart.Offset = width * vg.Length(float64(i)-float64(len(r.Peers)-1)/2)
		p.Add(chart)
		p.Legend.Add(peer, chart)
	}
	// Room for the legend above the bars.
	p.Y.Max *= 1.35
	p.NominalX(cases...)
	p.X.Min, p.X.Max = -0.6, float64(len(cases))-0.4
	return save([]*plot.Plot{p}, name, vg.Points(float64(160+130*len(cases))), 300)
}

// timelines draws for each peer how long callers waited who came around one
// reload, with a mark where one failed, below each other on the same scale.
func timelines(name string, r *results.Results) error {
	if len(r.Timelines) == 0 {
		return nil
	}
	var pictures []*plot.Plot
	// In the peers' order, not in that of the run.
	lines := slices.Clone(r.Timelines)
	slices.SortStableFunc(lines, func(a, b results.Timeline) int {
		return slices.Index(r.Peers, a.Peer) - slices.Index(r.Peers, b.Peer)
	})
	for _, line := range lines {
		p := newPlot()
		p.Title.Text = line.Peer + ", " + failures(line)
		p.Y.Label.Text = "longest wait, ms"
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		p.Add(plotter.NewGrid())
		var waits, failed plotter.XYs
		for _, point := range line.Points {
			if point.Calls == 0 {
				continue
			}
			y := float64(point.Worst) / float64(time.Millisecond)
			x := (point.At - line.Begun).Seconds()
			waits = append(waits, plotter.XY{X: x, Y: y})
			if point.Failed > 0 {
				failed = append(failed, plotter.XY{X: x, Y: y})
			}
		}
		curve, err := plotter.NewLine(waits)
		if err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
		curve.Color = colours[0]
		p.Add(curve)
		if len(failed) > 0 {
			marks, err := plotter.NewScatter(failed)
			if err != nil {
				return fmt.Errorf("draw %s: %w", name, err)
			}
			marks.Color = colours[1]
			p.Add(marks)
		}
		pictures = append(pictures, p)
	}
	last := pictures[len(pictures)-1]
	last.X.Label.Text = "seconds since the reload began"
	alike(pictures)
	return save(pictures, name, 640, 150)
}

func failures(line results.Timeline) string {
	failed := 0
	for _, point := range line.Points {
		failed += point.Failed
	}
	what := "no request failed"
	if failed == 1 {
		what = "1 request failed"
	} else if failed > 1 {
		what = fmt.Sprintf("%d requests failed", failed)
	}
	return strings.Join([]string{what, "complete after " + (line.Ended - line.Begun).Round(10*time.Millisecond).String()}, ", ")
}

// alike gives all plots the same axes.
func alike(pictures []*plot.Plot) {
	first := pictures[0]
	x, y := first.X, first.Y
	for _, p := range pictures {
		x.Min, x.Max = min(x.Min, p.X.Min), max(x.Max, p.X.Max)
		y.Min, y.Max = min(y.Min, p.Y.Min), max(y.Max, p.Y.Max)
	}
	for _, p := range pictures {
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.Min, x.Max, y.Min, y.Max
	}
}
