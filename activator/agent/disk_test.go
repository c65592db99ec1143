package agent_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gopm/gopm/test/nodes"
)

// An app that logs to a full disk lives on: each write to full(4) fails as there.
func TestFullDiskEndsNoApp(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		binary, err := nodes.Path(major)
		if err != nil {
			t.Fatal(err)
		}
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		ours, theirs := socketpair(t)
		node := exec.Command(binary, filepath.Join("testdata", "full.cjs"))
		node.Env = []string{
			"NODE_OPTIONS=--require=" + agentFile(t),
			"NODE_CHANNEL_FD=3", "NODE_CHANNEL_SERIALIZATION_MODE=json", "NODE_UNIQUE_ID=1",
		}
		node.ExtraFiles = []*os.File{theirs}
		node.Stdout, node.Stderr = full, full
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		defer func() {
			_ = node.Process.Kill()
			_ = node.Wait()
			ours.Close()
		}()
		lines := bufio.NewScanner(ours)
		for lines.Scan() {
			if lines.Text() == `"alive"` {
				return
			}
		}
		t.Error("the app has ended")
	})
}
