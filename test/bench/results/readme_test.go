package results

import (
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	r := &Results{Peers: []string{Ours, PM2}, About: map[string]string{"fairness": "Who gets what"},
		Published: []Published{{"OxMgr", "daemon 6.5 MB", "published, not run"}}}
	for i, p := range r.Peers {
		r.Add(Sample{Measure: "fairness", Case: "64 connections", Metric: "max/min", Peer: p, Value: float64(1 + i)})
	}
	const fairness = `<!-- bench: fairness -->

Who gets what.

|                         | gopm | PM2 7.0.4 | gopm / PM2 7.0.4 |
| ---                     | ---  | ---       | ---              |
| 64 connections: max/min | 1.00 | 2.00      | 0.50             |

<!-- /bench -->
`
	const aims = `<!-- bench: aims -->

Medians of gopm, beside those of a peer.

|                          | beside | aim    | is    |     |
| ---                      | ---    | ---    | ---   | --- |
| fairness, 64 connections |        | ≤ 1.05 | 1.000 | met |

<!-- /bench -->
`
	const before, after = "# gopm\n\nFigures:\n\n", "\nMore.\n"
	empty := func(name string) string { return "<!-- bench: " + name + " -->\n<!-- /bench -->\n" }
	tests := map[string]struct{ text, want, err string }{
		"one":             {before + empty("fairness") + after, before + fairness + after, ""},
		"once more":       {before + fairness + after, before + fairness + after, ""},
		"elsewhere":       {empty("elsewhere"), "<!-- bench: elsewhere -->\n\n- OxMgr: daemon 6.5 MB (published, not run)\n\n<!-- /bench -->\n", ""},
		"by hand":         {before + strings.Replace(fairness, "1.00", "0.10", 1) + after, before + fairness + after, ""},
		"two":             {empty("aims") + empty("fairness"), aims + fairness, ""},
		"none":            {before, "", ErrNoMarks.Error()},
		"without an end":  {before + "<!-- bench: aims -->\n", "", "the table of aims has no end: <!-- /bench --> is missing"},
		"one in another":  {"<!-- bench: aims -->\n" + fairness, "", "<!-- bench: fairness --> stands within that of aims: <!-- /bench --> is missing"},
		"an end alone":    {before + "<!-- /bench -->\n", "", "<!-- /bench --> has no beginning"},
		"what is unknown": {empty("speed"), "", "<!-- bench: speed -->: the run has no such measure, only host, aims, elsewhere, fairness"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := r.Rewrite(test.text)
			if err == nil && test.err != "" || err != nil && err.Error() != test.err {
				t.Errorf("error is %v, want %s", err, test.err)
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
