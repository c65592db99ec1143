package main

import "os"

// output is standard output that remembers what went wrong with it: a verb has not done
// its work where nobody got its answer, such as on a full disk.
type output struct {
	*os.File
	err error // the first one
}

// Write writes to the file.
func (o *output) Write(text []byte) (int, error) {
	n, err := o.File.Write(text)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// or is err or, where there is none, what went wrong with the output.
func (o *output) or(err error) error {
	if err == nil {
		return o.err
	}
	return err
}
