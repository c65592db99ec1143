package life

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
)

func TestWatch(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	begin := func(pid int) net.Conn {
		conn, err := net.Dial("unix", filepath.Join(w.Folder(), "socket"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%d 1000.5\n", pid)
		return conn
	}
	first, second := begin(1), begin(2)
	fmt.Fprintln(first, "ready")
	fmt.Fprintln(second, "ready")
	old, err := w.Ready(t.Context(), 2)
	if err != nil || old[0].Begun.UnixMicro() != 1_000_500 {
		t.Fatalf("got %v, %v", old, err)
	}
	first.Close()
	second.Close()
	third := begin(3)
	defer third.Close()
	fmt.Fprintln(third, "ready")
	living, err := w.Replaced(t.Context(), 1, old)
	if err != nil || living[0].PID != 3 {
		t.Errorf("got %v, %v", living, err)
	}
}
