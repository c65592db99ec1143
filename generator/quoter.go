package generator

import (
	"errors"
	"fmt"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// quoter makes values for an app, and problems of what has none.
type quoter struct {
	g   *generation
	app ecosystem.App
}

// value quotes the string s for what.
func (q quoter) value(what, s string, quote func(string) (units.Value, error)) units.Value {
	v, err := quote(s)
	q.refused(what, fmt.Sprintf("%q ", s), err)
	return v
}

// words quotes what is more than a string, and is named by what alone.
func (q quoter) words(what string, quote func() (units.Value, error)) units.Value {
	v, err := quote()
	q.refused(what, "", err)
	return v
}

func (q quoter) refused(what, subject string, err error) {
	var refused *units.RefusedError
	switch {
	case errors.As(err, &refused):
		q.g.problem(q.app, what, subject+refused.Why, refused.Hint)
	case err != nil:
		q.g.problem(q.app, what, subject+err.Error(), "")
	}
}

// log makes the value of StandardOutput= or StandardError=; nil is the default.
func (q quoter) log(key string, l ecosystem.Log) *units.Value {
	if !l.Set() {
		return nil
	}
	v := q.words(key, func() (units.Value, error) { return units.Output(l.Discard, l.Path, l.Suffix, l.PerInstance) })
	return &v
}
