package runner

import (
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"testing/synctest"
)

// slowProc is a /proc that takes its time: each look waits for one leave.
type slowProc struct {
	fstest.MapFS
	leave chan struct{}
	looks *int
}

func (p slowProc) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." {
		*p.looks++
		<-p.leave
	}
	return p.MapFS.ReadDir(name)
}

// However many ask while it looks, it looks once more, and after they asked.
func TestCensusIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		proc := slowProc{fstest.MapFS{"7/stat": {Data: []byte("7 (a) S 1 7 7 0")}}, make(chan struct{}), &looks}
		c := newCensus(proc)
		seen := make(chan []int, 101)
		ask := func() { seen <- slices.Sorted(maps.Keys(c.people())) }
		go ask()
		synctest.Wait() // it looks
		proc.MapFS["8/stat"] = &fstest.MapFile{Data: []byte("8 (b) S 7 7 7 0")}
		proc.MapFS["8/environ"] = &fstest.MapFile{Data: []byte("A=1\x00INVOCATION_ID=x\x00B=2\x00")}
		for range 100 {
			go ask()
		}
		synctest.Wait()
		proc.leave <- struct{}{}
		<-seen
		proc.leave <- struct{}{}
		for range 100 {
			if got := <-seen; !slices.Equal(got, []int{7, 8}) {
				t.Fatalf("who asks after it began sees %v", got)
			}
		}
		if looks != 2 {
			t.Errorf("it looked %d times, want 2", looks)
		}
		x := tree{c, 6, "x"}
		go func() { proc.leave <- struct{}{} }()
		if got := x.members(); !slices.Equal(got, []int{8}) {
			t.Errorf("the run has %v", got)
		}
	})
}
