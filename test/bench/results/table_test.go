package results

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func example() *Results {
	r := &Results{Peers: []string{Ours, PM2, Limit}, About: map[string]string{"throughput": "By wrk", "reload": "Ten times"},
		Published: []Published{{"OxMgr", "daemon 6.5 MB", "published, not run"}}}
	for round, ours := range []float64{290, 310, 300} {
		for peer, v := range map[string]float64{Ours: ours, PM2: 100, Limit: 400} {
			r.Add(Sample{Measure: "throughput", Case: "a connection per request", Metric: "requests", Unit: "1/s", Peer: peer, Round: round, Value: v})
		}
	}
	r.Add(Sample{Measure: "reload", Case: "keep-alive", Metric: Failed, Peer: Ours, Value: 0, Of: 20})
	r.Add(Sample{Measure: "reload", Case: "keep-alive", Metric: Failed, Peer: Ours, Value: 0, Of: 22})
	r.Add(Sample{Measure: "reload", Case: "keep-alive", Metric: Failed, Peer: PM2, Value: 3, Of: 20})
	return r
}

func TestTable(t *testing.T) {
	var out strings.Builder
	if err := example().Table(&out); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(out.String(), "\n")
	const want = `
### throughput

By wrk.

|                                         | gopm             | PM2 7.0.4 | the limit | gopm / PM2 7.0.4 | gopm / the limit |
| ---                                     | ---              | ---       | ---       | ---              | ---              |
| a connection per request: requests, 1/s | 300 (290 to 310) | 100       | 400       | 3.00             | 0.75             |

### reload

Ten times.

|                    | gopm    | PM2 7.0.4 | gopm / PM2 7.0.4 |
| ---                | ---     | ---       | ---              |
| keep-alive: failed | 0 of 42 | 3 of 20   |                  |

### aims

Medians of gopm, beside those of a peer.

|                          | beside    | aim    | is    |             |
| ---                      | ---       | ---    | ---   | ---         |
| a connection per request | PM2 7.0.4 | ≥ 3.00 | 3.000 | met         |
| a connection per request | the limit | ≥ 0.97 | 0.750 | **not met** |
| reload, failed requests  |           | 0      | 0     | met         |

### elsewhere

- OxMgr: daemon 6.5 MB (published, not run)
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWriteRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results.json")
	wrote := &Results{Peers: []string{Ours}, Samples: []Sample{{Measure: "size", Metric: "PSS", Unit: "MB", Peer: Ours, Value: 7.5}}}
	if err := wrote.Write(name); err != nil {
		t.Fatal(err)
	}
	if read, err := Read(name); err != nil || !reflect.DeepEqual(read, wrote) {
		t.Errorf("got %+v, %v", read, err)
	}
}

func TestKeep(t *testing.T) {
	earlier := example()
	earlier.Host.Commit = "old"
	now := &Results{Peers: []string{Ours}, Samples: []Sample{{Measure: "reload", Metric: "p99", Peer: Ours, Value: 1}}}
	now.Keep(earlier)
	if len(now.Samples) != 10 || now.Earlier["throughput"].Commit != "old" || len(now.Earlier) != 1 || len(now.Peers) != 3 {
		t.Errorf("got %+v", now)
	}
}
