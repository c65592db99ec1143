package activator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
)

// What PM2's own library and others send, and what is kept of it.
func TestSaid(t *testing.T) {
	var s said
	for _, line := range []string{
		`{"type":"axm:monitor","data":{"Heap Size":{"historic":true,"type":"internal/v8/heap/total","unit":"MiB","agg_type":"avg","value":"44.1"},"Old":{"value":1}}}`,
		`{"type":"axm:monitor","data":{"Heap Size":{"type":"internal/v8/heap/total","unit":"MiB","value":45.5},"Bare":7}}`,
		`{"type":"axm:action","data":{"action_name":"km:heapdump","action_type":"internal","arity":2}}`,
		`{"type":"axm:action","data":{"action_name":"clear","action_type":"custom"}}`,
		`{"type":"axm:option:configuration","data":{"error":true,"heapdump":false}}`,
		`{"type":"axm:option:configuration","data":{"heapdump":true,"metrics":{"http":true}}}`,
		`{"type":"axm:option:configuration","data":"x"}`,
		`{"type":"process:exception","data":{"message":"first"}}`,
		`{"type":"process:exception","data":{"message":"second"}}`,
		`{"type":"axm:monitor","data":[1]}`,
		`{"type":"axm:action","data":"x"}`,
		`{"type":"no data"}`,
		`{"topic":"x","data":1}`,
		`"ready"`,
	} {
		m, err := nodeipc.Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if !s.keep(digest(m.App)) {
			t.Errorf("there is no room for %s", line)
		}
	}
	var w control.Worker
	s.tell(&w)
	got, err := json.Marshal(w)
	const want = `{"instance":0,"unit":"","pid":0,"state":"","restarts":0,` +
		`"metrics":{"Bare":{"value":7},"Heap Size":{"value":45.5,"unit":"MiB","type":"internal/v8/heap/total"},"Old":{"value":1}},` +
		`"actions":["clear","km:heapdump"],"configuration":{"error":true,"heapdump":true,"metrics":{"http":true}},"messages":{"process:exception":{"message":"second"}}}`
	if err != nil || string(got) != want {
		t.Errorf("said %s, %v\nwant %s", got, err, want)
	}
}

// A worker cannot make its activator grow.
func TestSaidIsBounded(t *testing.T) {
	hostile := map[string]func(i int) nodeipc.App{
		"many types": func(i int) nodeipc.App { return nodeipc.App{Type: fmt.Sprint(i), Data: []byte("1")} },
		"many metrics": func(i int) nodeipc.App {
			return nodeipc.App{Type: typeMetrics, Data: fmt.Appendf(nil, `{"%d":1}`, i)}
		},
		"many actions": func(i int) nodeipc.App {
			return nodeipc.App{Type: typeAction, Data: fmt.Appendf(nil, `{"action_name":"%d"}`, i)}
		},
		"long names": func(i int) nodeipc.App {
			return nodeipc.App{Type: fmt.Sprint(i, strings.Repeat("x", 1000)), Data: []byte("1")}
		},
		"one that grows": func(i int) nodeipc.App {
			return nodeipc.App{Type: "x", Data: fmt.Appendf(nil, `"%s"`, strings.Repeat("x", 100*i))}
		},
	}
	for name, message := range hostile {
		var s said
		warnings := 0
		for i := range 2000 {
			if !s.keep(digest(message(i))) {
				warnings++
			}
			size := 0
			for k, value := range s.newest {
				size += len(k.of) + len(k.name) + len(value)
			}
			if size != s.size || size > mostKept || len(s.newest) > mostKinds {
				t.Fatalf("%s: after %d there are %d bytes of %d kinds, counted as %d", name, i, size, len(s.newest), s.size)
			}
		}
		if warnings != 1 {
			t.Errorf("%s: %d warnings, want one", name, warnings)
		}
	}
}
