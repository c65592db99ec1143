package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"strings"

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

// save writes plots below each other, with their axes aligned.
func save(pictures []*plot.Plot, name string, width, height vg.Length) error {
	canvas := vgsvg.New(width, height*vg.Length(len(pictures)))
	all := draw.New(canvas)
	// Between the plots nothing else paints, and a reader's page may be dark.
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	var rows [][]*plot.Plot
	for _, p := range pictures {
		rows = append(rows, []*plot.Plot{p})
	}
	tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: 8, PadTop: 8, PadBottom: 8, PadLeft: 8, PadRight: 8}
	for i, row := range plot.Align(rows, tiles, all) {
		pictures[i].Draw(row[0])
	}
	return write(canvas, name)
}

func write(canvas *vgsvg.Canvas, name string) error {
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	// Few machines have the font that the letters were placed with; these are as
	// wide as its.
	text := strings.ReplaceAll(b.String(), "font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;")
	return os.WriteFile(name, []byte(text), 0o644)
}
