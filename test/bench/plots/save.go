package plots

import (
	"errors"
	"fmt"
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// newPlot is an empty plot, whose letters have no serifs.
func newPlot() *plot.Plot {
	p := plot.New()
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.Legend.TextStyle,
		&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant = "Sans"
	}
	return p
}

// save writes one plot.
func save(p *plot.Plot, name string, width, height vg.Length) error {
	canvas := vgsvg.New(width, height)
	p.Draw(draw.New(canvas))
	return write(canvas, name)
}

// saveColumn writes plots below each other, with their axes aligned.
func saveColumn(pictures []*plot.Plot, name string, width, height vg.Length) error {
	canvas := vgsvg.New(width, height*vg.Length(len(pictures)))
	all := draw.New(canvas)
	// Between the plots nothing else paints, and a reader's page may be dark.
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	var rows [][]*plot.Plot
	for _, p := range pictures {
		rows = append(rows, []*plot.Plot{p})
	}
	tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: 6, PadTop: 6, PadBottom: 6, PadLeft: 6, PadRight: 6}
	for i, row := range plot.Align(rows, tiles, all) {
		pictures[i].Draw(row[0])
	}
	return write(canvas, name)
}

func write(canvas *vgsvg.Canvas, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}
