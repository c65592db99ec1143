package main

import (
	"errors"
	"io/fs"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/generator/machine"
	"github.com/gopm/gopm/generator/nfpm"
	"github.com/gopm/gopm/units"
)

// nfpm returns the files that nfpm needs besides the units, none where it is not to
// build the package.
func (c command) nfpm(f flags, o outcome) (*units.Set, *ecosystem.Problem) {
	if f.nfpm == "" {
		return &units.Set{}, nil
	}
	base, err := fs.ReadFile(c.host.Files, machine.OnDisk(c.host, f.nfpm))
	// Without one it is what is to be put into another tool's.
	if err != nil && !(f.nfpm == nfpm.Config && errors.Is(err, fs.ErrNotExist)) {
		return nil, &ecosystem.Problem{File: f.nfpm, Text: "cannot be read: " + units.Cause(err).Error(),
			Hint: "write one with the package's name and version and the app's files: https://nfpm.goreleaser.com/docs/configuration"}
	}
	set, err := nfpm.Extend(nfpm.Input{Base: string(base), From: o.Source, Output: f.outputDir(), Units: o.Units, Report: o.Report})
	switch {
	case errors.Is(err, nfpm.ErrScript):
		return nil, &ecosystem.Problem{File: f.nfpm, Text: err.Error(),
			Hint: "have a unit of the package's own do what it does, such as ExecStartPre= in a drop-in"}
	case err != nil:
		return nil, &ecosystem.Problem{File: f.nfpm, Text: err.Error(), Hint: "see https://nfpm.goreleaser.com/docs/configuration"}
	}
	return set, nil
}
