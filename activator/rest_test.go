package activator

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestFilePages(t *testing.T) {
	const untouched = "Rss:                   8 kB\nAnonymous:             0 kB\nSwap:                  0 kB\nTHPeligible:           0\nVmFlags: rd mr mw me\n"
	const written = "Rss:                   8 kB\nAnonymous:             4 kB\nSwap:                  0 kB\nVmFlags: rd mr mw me\n"
	const swapped = "Rss:                   0 kB\nAnonymous:             0 kB\nSwap:                  4 kB\nVmFlags: rd mr mw me\n"
	const maps = "00400000-006c3000 r-xp 00000000 fe:00 9986232                            /usr/bin/gopm-activator\n" + untouched +
		"006c3000-009d5000 r--p 002c3000 fe:00 9986232                            /usr/bin/gopm-activator\n" + untouched +
		"009d5000-00a04000 rw-p 005d5000 fe:00 9986232                            /usr/bin/gopm-activator\n" + written +
		"00a04000-02a46000 rw-p 00000000 00:00 0 \n" + written +
		"7fc28ea34000-7fc28ea35000 rw-s 00000000 00:10 1030                       anon_inode:bpf-map\n" + untouched +
		"7fc28ea35000-7fc28ea36000 r--s 00000000 fe:00 77                         /etc/shared\n" + untouched +
		"7fc28ea36000-7fc28ea37000 r--p 00000000 fe:00 78                         /usr/lib/libc.so.6 (RELRO)\n" + written +
		"7fc28ea37000-7fc28ea38000 r--p 00000000 fe:00 78                         /usr/lib/libm.so.6\n" + swapped +
		"7f97ff8c7000-7f97ff8c9000 r-xp 00000000 00:00 0                          [vdso]\n" + untouched
	want := []pages{{0x400000, 0x2c3000}, {0x6c3000, 0x312000}}
	if got := filePages(maps); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestAnonymous(t *testing.T) {
	if got := anonymous("Name:\tx\nRssAnon:\t    1432 kB\nRssFile:\t    1220 kB\n"); got != 1432 {
		t.Errorf("got %d", got)
	}
}

// TestRest: the pages of the program are given back, and all goes on.
func TestRest(t *testing.T) {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	if len(filePages(string(maps))) == 0 {
		t.Fatalf("no pages of the program in\n%s", maps)
	}
	before := fileResident(t)
	if err := rest(); err != nil {
		t.Fatal(err)
	}
	if after := fileResident(t); after >= before {
		t.Errorf("%d kB of files are resident, as many as before (%d)", after, before)
	}
}

// fileResident is RssFile of proc(5), in kB.
func fileResident(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "RssFile:")
	for _, c := range strings.TrimSpace(text) {
		if c < '0' || c > '9' {
			break
		}
		kB = kB*10 + int(c-'0')
	}
	return kB
}
