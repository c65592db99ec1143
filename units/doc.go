// Package units knows what a systemd unit is: names, quoting, a set of unit
// files, and the one writer that puts a set on disk.
//
// Everything a user wrote reaches a unit file only as a [Value], and a Value is
// only made by the functions of this package. Each of them either quotes what
// it was given or refuses it, so that no value can end its line, continue it,
// or add a directive.
package units
