package systemd

import (
	"testing"

	"github.com/gopm/gopm/activator/control"
)

func TestAwaits(t *testing.T) {
	m := New(t.Context(), control.System, "gopm-activator@my-api.service")
	// Signals come while a connection is made, too.
	m.mu.Lock()
	defer m.mu.Unlock()
	first, second := m.await("my-api@0.service"), m.await("my-api@0.service")
	message := []byte("\x10\x00\x00\x00my-api@0.service\x00\x04\x00\x00\x00done\x00")
	if !m.awaits(message) || m.awaits([]byte("my-api@1.service\x00")) {
		t.Error("the ends of jobs that are waited for don't come through, or others do")
	}
	first()
	if !m.awaits(message) {
		t.Error("the second who waits is forgotten with the first")
	}
	second()
	if m.awaits(message) {
		t.Error("nobody waits, and it comes through")
	}
}
