// Package generator turns typed apps into a set of units and a report. It is
// pure: it reads no disk, no clock and no environment, so the same apps always
// become the same units.
package generator
