package main

import (
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
)

func TestTable(t *testing.T) {
	got := table([]outcome{
		{step: "reload", took: 1500 * time.Millisecond, results: []load.Result{{Answered: 30000}, {Answered: 4000}, {Answered: 500}}},
		{step: "kill -9 of the activator", took: time.Second, results: []load.Result{
			{Answered: 20000, Failed: map[string]int{"read": 1}}, {Answered: 3000}, {Answered: 400, Failed: map[string]int{"status": 2}},
		}},
	})
	want := `                                     took   keep-alive  per request   100 ms   failed
reload                              1.5 s        30000         4000      500        0
kill -9 of the activator            1.0 s        20000         3000      400        3
all                                 2.5 s        50000         7000      900        3
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
