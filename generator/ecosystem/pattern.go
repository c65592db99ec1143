package ecosystem

import (
	"regexp"
	"sync"
)

// pattern returns a regular expression that is compiled when it is first used.
// A conversion takes milliseconds and needs few of them.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
