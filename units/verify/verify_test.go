package verify

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gopm/gopm/units"
)

func TestUnitsReportsAnUnknownKey(t *testing.T) {
	root := t.TempDir()
	var set units.Set
	for name, text := range map[string]string{
		"a.target":    "[Unit]\nDescription=A\nWants=a@0.service\n",
		"a@.service":  "[Service]\nExecStart=node %i\nFoo=bar\n",
		"b.d/10.conf": "[Service]\nExecStart=node\n",
	} {
		if err := set.Add(units.SystemDir+"/"+name, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := Stage(root, &set, fstest.MapFS{"c@.service": {Data: []byte("[Service]\nExecStart=/usr/bin/c\n")}, "c.go": {}}); err != nil {
		t.Fatal(err)
	}
	names := Names(&set)
	if want := []string{"a.target", "a@0.service"}; !slices.Equal(names, want) {
		t.Errorf("names: %q, want %q", names, want)
	}
	got, err := Units(t.Context(), nil, root, append(names, "c@x.service")...)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{root + "/usr/lib/systemd/system/a@.service:3: Unknown key 'Foo' in section [Service], ignoring."}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestUnitsNamesTheCommandThatIsMissing(t *testing.T) {
	_, err := Units(t.Context(), []string{"/nowhere/chroot", "/root"}, "/", "a.service")
	want := "run /nowhere/chroot /root systemd-analyze verify --man=no --root=/ a.service: fork/exec /nowhere/chroot: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
