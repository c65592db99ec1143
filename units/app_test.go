package units

import "testing"

func TestUnitsOfAnApp(t *testing.T) {
	if got := Worker("my-api", 2); got != "my-api@2.service" {
		t.Errorf("the worker is %s", got)
	}
	if got := Activator("my-api"); got != "gopm-activator@my-api.service" {
		t.Errorf("the activator is %s", got)
	}
	for unit, want := range map[string]int{
		"my-api@0.service": 0, "my-api@12.service": 12,
		"my-api@01.service": -1, "my-api@-1.service": -1, "my-api@.service": -1, "my-api@1.socket": -1, "my@1.service": -1, "my-api@+1.service": -1,
	} {
		got, ok := InstanceOf("my-api", unit)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s is instance %d, %v, want %d", unit, got, ok, want)
		}
	}
	for unit, want := range map[string]string{"gopm-activator@my-api.service": "my-api", "gopm-activator@my-api.socket": "", "my-api@0.service": ""} {
		if got, ok := AppOfActivator(unit); ok != (want != "") || ok && got != want {
			t.Errorf("%s is the activator of %q, %v", unit, got, ok)
		}
	}
}
