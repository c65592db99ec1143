package steer

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const workers = 4

// asEnv names the role in which the test binary runs itself again.
const asEnv = "GOPM_TEST_AS"

func TestKernelSpreadsInTurn(t *testing.T) {
	g := listen(t, "127.0.0.1:0")
	useKernel(t, g, []int{1, 2, 3, 4})
	// Opened 5 ms apart, as slow clients come: a shared queue gives most of
	// them to one worker.
	connect(t, g, 64, 5*time.Millisecond)
	if got, want := queues(t, g), []int{0, 16, 16, 16, 16}; !slices.Equal(got, want) {
		t.Errorf("queues are %v, want %v", got, want)
	}
}

func TestKernelPrefersShortQueues(t *testing.T) {
	g := listen(t, "127.0.0.1:0")
	useKernel(t, g, []int{1, 2, 3, 4})
	connect(t, g, 12, 0)
	accept(t, g, 2, 3)
	accept(t, g, 4, 2)
	if got, err := g.Count(); err != nil || !slices.Equal(got, []int{0, 3, 0, 3, 1}) {
		t.Errorf("counts %v, %v", got, err)
	}
	connect(t, g, 5, 0)
	if got, want := queues(t, g), []int{0, 3, 3, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("queues are %v, want %v", got, want)
	}
	connect(t, g, 4, 0)
	if got, want := queues(t, g), []int{0, 4, 4, 4, 4}; !slices.Equal(got, want) {
		t.Errorf("queues are %v, want %v", got, want)
	}
}

// Who begins to serve has served nobody yet, and is no better for that.
func TestKernelSpreadsAmongNewAndOld(t *testing.T) {
	g := listen(t, "127.0.0.1:0")
	useKernel(t, g, []int{1, 2})
	connect(t, g, 32, 0)
	accept(t, g, 1, 16)
	accept(t, g, 2, 16)
	steer(t, g, []int{1, 2, 3, 4})
	connect(t, g, 16, 0)
	if got, want := queues(t, g), []int{0, 4, 4, 4, 4}; !slices.Equal(got, want) {
		t.Errorf("queues are %v, want %v", got, want)
	}
}

func TestClassicStaysAmongTheEligible(t *testing.T) {
	g := listen(t, "127.0.0.1:0")
	useClassic(t, g, []int{2, 4})
	connect(t, g, 64, 0)
	got := queues(t, g)
	if got[2]+got[4] != 64 || got[2] == 0 || got[4] == 0 {
		t.Errorf("queues are %v, want all 64 spread over slots 2 and 4", got)
	}
}

func TestSteeringMovesNoQueuedConnection(t *testing.T) {
	for name, use := range selectors {
		t.Run(name, func(t *testing.T) {
			g := listen(t, "[::]:0")
			use(t, g, []int{1})
			connect(t, g, 5, 0)
			steer(t, g, []int{2})
			connect(t, g, 7, 0)
			steer(t, g, nil)
			connect(t, g, 3, 0)
			if got, want := queues(t, g), []int{3, 5, 7, 0, 0}; !slices.Equal(got, want) {
				t.Errorf("queues are %v, want %v: the waiting room takes what nobody is eligible for", got, want)
			}
		})
	}
}

func TestSuccessorTakesOverTheSelector(t *testing.T) {
	g := listen(t, "127.0.0.1:0")
	useKernel(t, g, []int{1})
	stored, err := unix.Dup(g.selector.(*Kernel).Map())
	if err != nil {
		t.Fatal(err)
	}
	successor, err := Adopt(g.listeners...)
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewKernel(stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := successor.UseKernel(k, []int{3}); err != nil {
		t.Fatal(err)
	}
	connect(t, successor, 4, 0)
	if got, want := queues(t, successor), []int{0, 0, 0, 4, 0}; !slices.Equal(got, want) {
		t.Errorf("queues are %v, want %v", got, want)
	}
}

func TestAdoptRefusesWhatCannotBeShared(t *testing.T) {
	alone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := alone.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(int(file.Fd())); !errors.Is(err, ErrNoReusePort) {
		t.Errorf("Adopt says %v, want %v", err, ErrNoReusePort)
	}
}

// TestKernelNeedsOnlyCapBPF runs the spread again as a root that has lost every
// capability but one.
func TestKernelNeedsOnlyCapBPF(t *testing.T) {
	again(t, "TestKernelSpreadsInTurn", "setpriv", "--bounding-set=-all,+bpf", "--inh-caps=-all,+bpf", "--no-new-privs")
}

// TestClassicNeedsNothing runs it again as nobody.
func TestClassicNeedsNothing(t *testing.T) {
	again(t, "TestClassicStaysAmongTheEligible", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
}

// TestKernelRefusedWithoutCapBPF proves that the two above differ in what they
// may do.
func TestKernelRefusedWithoutCapBPF(t *testing.T) {
	if os.Getenv(asEnv) == "" {
		again(t, "TestKernelRefusedWithoutCapBPF", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
		return
	}
	if _, err := NewKernel(-1); !errors.Is(err, unix.EPERM) {
		t.Errorf("NewKernel says %v, want %v", err, unix.EPERM)
	}
}

// again runs one test of this binary behind a command that drops privileges.
func again(t *testing.T, name string, prefix ...string) {
	t.Helper()
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	// A copy that nobody may run too: the build's folder is root's.
	dir, err := os.MkdirTemp("/tmp", "steer-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	copied := dir + "/steer.test"
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(copied, binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	args := append(prefix[1:], copied, "-test.v", "-test.run=^"+name+"$")
	cmd := exec.CommandContext(t.Context(), prefix[0], args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asEnv+"="+prefix[1])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
}

var selectors = map[string]func(*testing.T, *Group, []int){"kernel": useKernel, "classic": useClassic}

func useKernel(t *testing.T, g *Group, eligible []int) {
	t.Helper()
	k, err := NewKernel(-1)
	if err == nil {
		err = g.UseKernel(k, eligible)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func useClassic(t *testing.T, g *Group, eligible []int) {
	t.Helper()
	if err := g.UseClassic(eligible); err != nil {
		t.Fatal(err)
	}
}

func steer(t *testing.T, g *Group, slots []int) {
	t.Helper()
	if err := g.Steer(slots); err != nil {
		t.Fatal(err)
	}
}

// listen is a group with a waiting room and a slot for each of four workers.
func listen(t *testing.T, addr string) *Group {
	t.Helper()
	g, err := Open(netip.MustParseAddrPort(addr), true, func(int) error { return nil })
	if err == nil {
		err = g.Extend(workers, func(int, int) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// connect opens n connections that nobody accepts.
func connect(t *testing.T, g *Group, n int, pause time.Duration) {
	t.Helper()
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), g.Addr().Port()).String()
	for range n {
		c, err := net.DialTimeout("tcp", to, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		time.Sleep(pause)
	}
}

// accept accepts n connections in a slot, and closes them.
func accept(t *testing.T, g *Group, slot, n int) {
	t.Helper()
	for range n {
		fd, _, err := unix.Accept4(g.Listener(slot), unix.SOCK_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	}
}

func queues(t *testing.T, g *Group) []int {
	t.Helper()
	counts := make([]int, g.Slots())
	for slot := range counts {
		n, err := Queue(g.Listener(slot))
		if err != nil {
			t.Fatal(err)
		}
		counts[slot] = n
	}
	return counts
}
