package packaging_test

import (
	"regexp"
	"strings"
	"testing"
)

// excerpt matches a block of the guide that begins with the name of a file of the
// example's.
var excerpt = regexp.MustCompile("(?s)```\n# (\\S+)\n(.*?)```")

// TestReadme holds what the guide shows of the example's packaging to the files. The
// commands of the guide are those of TestPackages… in ../test.
func TestReadme(t *testing.T) {
	blocks := excerpt.FindAllStringSubmatch(string(read(t, "README.md")), -1)
	if len(blocks) == 0 {
		t.Fatal("the guide shows nothing")
	}
	for _, block := range blocks {
		rest := string(read(t, "../examples/my-api/"+block[1]))
		for line := range strings.Lines(block[2]) {
			if line == "\n" {
				continue
			}
			_, after, ok := strings.Cut(rest, line)
			if !ok {
				t.Errorf("the guide shows this of %s, which has it not, or not there: %s", block[1], line)
				continue
			}
			rest = after
		}
	}
}
