package activator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
	"github.com/gopm/gopm/activator/systemd"
)

// underAttack is an activator without systemd: two workers share one declared
// listener. Instance 0 is hostile, instance 1 serves.
type underAttack struct {
	*Activator
	hostile, good *worker
	declared      *group
}

// attacked makes one, and end leaves nothing of it.
func attacked(t testing.TB) (u underAttack, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	u.Activator = &Activator{
		settings: Settings{App: "my-api"},
		count:    2, surge: 1, parallel: 1,
		journal:  newJournal(journalText(io.Discard), "my-api"),
		workers:  make(map[int]*worker),
		early:    make(map[*client]run),
		intakes:  make(map[place]*intake),
		ends:     make(map[int]int),
		manager:  systemd.New(ctx, control.System, ""),
		ctx:      ctx,
		events:   make(chan func()),
		refused:  seldom(),
		noKernel: errors.New("this is not about the selector"),
	}
	shared, err := steer.Open(netip.MustParseAddrPort("127.0.0.1:0"), false, func(int) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if u.lookout, err = newLookout(); err != nil {
		t.Fatal(err)
	}
	u.declared = &group{Group: shared, declared: true}
	u.groups = []*group{u.declared}
	if err := u.attach(u.declared, -1); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case event := <-u.events:
				event()
			case <-stop:
				return
			}
		}
	}()
	var ends []*net.UnixConn
	for instance := range 2 {
		ours, theirs := connected(t)
		ends = append(ends, theirs)
		go func() { _, _ = io.Copy(io.Discard, theirs) }() // closes what rides on it
		w, err := u.newWorker(instance, systemd.State{PID: os.Getpid(), Invocation: fmt.Sprintf("%032x", instance)}, ours)
		if err != nil {
			t.Fatal(err)
		}
		u.do(func() { u.workers[instance] = w })
		for _, line := range []string{
			`{"cmd":"NODE_CLUSTER","act":"online","seq":0}`,
			fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","address":"127.0.0.1","port":%d,"addressType":4,"seq":1}`, shared.Addr().Port()),
			fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"listening","address":"127.0.0.1","port":%d,"addressType":4,"seq":2}`, shared.Addr().Port()),
		} {
			if err := u.hear(w, line); err != nil {
				t.Fatal(err)
			}
		}
	}
	u.hostile, u.good = u.workers[0], u.workers[1]
	return u, func() {
		u.do(func() {
			u.endWorker(u.hostile, io.EOF)
			u.endWorker(u.good, io.EOF)
			for _, in := range u.intakes {
				in.stop()
			}
			u.declared.Close()
			u.lookout.close()
		})
		cancel()
		close(stop)
		<-stopped
		for _, conn := range ends {
			conn.Close()
		}
	}
}

// hear is what serve does with a line.
func (u underAttack) hear(w *worker, line string) error {
	m, err := nodeipc.Parse([]byte(line))
	if err != nil {
		return err
	}
	u.do(func() { err = u.handle(w, m) })
	return err
}

// connected is a pair of sockets: ours and the worker's.
func connected(t testing.TB) (ours, theirs *net.UnixConn) {
	t.Helper()
	ours, theirs, err := control.Pair()
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// holds checks what no worker may change for another.
func (u underAttack) holds(t testing.TB) {
	t.Helper()
	u.do(func() {
		if u.workers[1] != u.good || !u.good.ready || u.good.draining {
			t.Errorf("the good worker is %+v, want it serving", u.good)
		}
		if slots := u.slots(u.declared); !slices.Contains(slots, slot(1)) {
			t.Errorf("the declared port has slots %v, want the good worker's among them", slots)
		}
		if len(u.groups) > u.mostGroups() || u.groups[0] != u.declared {
			t.Errorf("there are %d groups, want at most %d, the declared one first", len(u.groups), u.mostGroups())
		}
		for _, g := range u.groups {
			if g.path != "" || g.Addr().Port() < 1024 {
				t.Errorf("it has %s opened", g.key())
			}
		}
	})
}

func TestWhatAHostileWorkerGets(t *testing.T) {
	ask := func(address string, port, kind int) string {
		return fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","address":%q,"port":%d,"addressType":%d,"seq":3}`, address, port, kind)
	}
	tests := map[string]struct{ line, told string }{
		"port 22":          {ask("127.0.0.1", 22, 4), `may not listen on "127.0.0.1" port 22: a port below 1024 must be declared by the app's socket unit (ListenStream=)`},
		"a path":           {ask("/run/systemd/private", -1, -1), `may not listen on "/run/systemd/private": a Unix socket must be declared by the app's socket unit (ListenStream=)`},
		"a port too high":  {ask("127.0.0.1", 65536, 4), `may not listen on "127.0.0.1" port 65536: only addresses and Unix sockets are shared among workers`},
		"a negative port":  {ask("127.0.0.1", -5, 4), `may not listen on "127.0.0.1" port -5: only addresses and Unix sockets are shared among workers`},
		"a descriptor":     {`{"cmd":"NODE_CLUSTER","act":"queryServer","address":null,"port":0,"addressType":4,"fd":3,"seq":3}`, `may not listen on port 0: only addresses and Unix sockets are shared among workers`},
		"a name":           {ask("localhost", 8080, 4), `may not listen on "localhost" port 8080: ParseAddr("localhost"): unable to parse IP`},
		"a very long path": {ask("/"+strings.Repeat("x", maxAddress), 0, -1), `may not listen on "/` + strings.Repeat("x", 199) + `": it says more about it than any server has to say`},
		"a megabyte of data": {`{"cmd":"NODE_CLUSTER","act":"queryServer","port":0,"addressType":4,"seq":3,"data":"` + strings.Repeat("x", 1<<20) + `"}`,
			`may not listen on port 0: it says more about it than any server has to say`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u, end := attacked(t)
			defer end()
			var told bytes.Buffer
			u.do(func() { u.journal = newJournal(journalText(&told), "my-api") })
			if err := u.hear(u.hostile, test.line); err != nil {
				t.Errorf("the channel is closed: %v", err)
			}
			if want := "<3>my-api@0.service " + test.told + "\n"; told.String() != want {
				t.Errorf("the journal says %q, want %q", told.String(), want)
			}
			u.holds(t)
		})
	}
}

// A thousand ports are not opened, and the good worker is as it was.
func TestAThousandPorts(t *testing.T) {
	before := openFiles(t)
	u, end := attacked(t)
	var told bytes.Buffer
	u.do(func() { u.journal = newJournal(journalText(&told), "my-api") })
	for index := range 1000 {
		line := fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","address":"127.0.0.1","port":0,"addressType":4,"index":%d,"seq":%d}`, index, index)
		if err := u.hear(u.hostile, line); err != nil {
			t.Fatalf("port %d: the channel is closed: %v", index, err)
		}
	}
	u.holds(t)
	if got := len(u.groups); got != maxGroups {
		t.Errorf("it has %d addresses, want %d", got, maxGroups)
	}
	// journald must not run out of patience with the activator.
	if lines := strings.Count(told.String(), "\n"); lines > 200 {
		t.Errorf("the journal has %d lines about it", lines)
	}
	u.do(func() { u.endWorker(u.hostile, io.EOF) })
	if got := len(u.groups); got != 1 {
		t.Errorf("it has gone, and %d addresses are left, want the declared one", got)
	}
	end()
	sameFiles(t, before)
}

// The store must have room for all that is opened.
func TestMostGroupsFitIntoTheStore(t *testing.T) {
	for _, count := range []int{1, 4, 64, 128, 1000} {
		a := &Activator{count: count, surge: max(1, count/8)}
		most := a.mostGroups()
		stored := most * (3*(a.count+a.surge) + 2)
		if stored > maxStored && most > 1 || most < 1 || most > maxGroups {
			t.Errorf("%d workers may listen on %d addresses, which puts %d descriptors into the store", count, most, stored)
		}
	}
}

// FuzzHandle: whatever lines a worker sends, they end its channel at worst, and
// leave the other worker, its port and our descriptors alone.
func FuzzHandle(f *testing.F) {
	f.Add([]byte("\"ready\"\n{\"cmd\":\"NODE_CLUSTER\",\"act\":\"exitedAfterDisconnect\",\"seq\":1}"))
	f.Add([]byte(`{"cmd":"NODE_CLUSTER","act":"queryServer","address":"127.0.0.1","port":0,"addressType":4,"index":1,"seq":3}` + "\n" +
		`{"cmd":"NODE_CLUSTER","act":"listening","address":"127.0.0.1","port":0,"addressType":4,"seq":4}` + "\n" +
		`{"cmd":"NODE_CLUSTER","act":"close","key":"127.0.0.1:1","seq":5}`))
	f.Add([]byte(`{"cmd":"NODE_CLUSTER","act":"queryServer","address":"::","port":22,"addressType":6,"flags":1,"seq":3}`))
	f.Add([]byte(`{"cmd":"NODE_CLUSTER","act":"queryServer","address":"/run/x","port":-1,"addressType":-1,"fd":-1,"data":{"a":[1]},"seq":3}`))
	f.Add([]byte(`{"cmd":"NODE_CLUSTER","ack":1,"accepted":false}` + "\n" + `{"cmd":"NODE_HANDLE"}` + "\n" + `{"cmd":"NODE_HANDLE_ACK"}`))
	f.Add([]byte(`{"cmd":"NODE_GOPM","act":"measured","measures":{"heap_used":-1,"latency_ms":{"mean":1e999}}}`))
	f.Add([]byte(`{"cmd":"NODE_GOPM","act":"drained"}` + "\n" + `{"cmd":"NODE_GOPM","act":"took","seq":7}` + "\n" + `{"cmd":"NODE_GOPM","act":"pong"}`))
	f.Fuzz(func(t *testing.T, sent []byte) {
		before := openFiles(t)
		u, end := attacked(t)
		for line := range bytes.Lines(sent) {
			// Not the ports of the machine that this runs on.
			if m, err := nodeipc.Parse(line); err == nil && m.Port >= 1024 && m.Port <= 65535 {
				continue
			}
			if u.hear(u.hostile, string(line)) != nil {
				break
			}
		}
		u.holds(t)
		end()
		sameFiles(t, before)
	})
}

// sameFiles waits until as many files are open as before. A file that is being
// waited for is closed when its goroutine has noticed.
func sameFiles(t testing.TB, before int) {
	t.Helper()
	after := openFiles(t)
	for deadline := time.Now().Add(10 * time.Second); after != before && time.Now().Before(deadline); after = openFiles(t) {
		time.Sleep(time.Millisecond)
	}
	if after != before {
		t.Errorf("%d files are open, before it were %d", after, before)
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// What a flood costs: of what asks for something a worker may say 1000 a second,
// of answers 10,000.
func BenchmarkHandle(b *testing.B) {
	for name, line := range map[string]string{
		"asks":    `{"cmd":"NODE_CLUSTER","act":"queryServer","address":"127.0.0.1","port":22,"addressType":4,"seq":3}`,
		"answers": `{"cmd":"NODE_CLUSTER","ack":1,"accepted":true}`,
	} {
		b.Run(name, func(b *testing.B) {
			u, end := attacked(b)
			defer end()
			for b.Loop() {
				if err := u.hear(u.hostile, line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
