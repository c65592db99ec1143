package ecosystem

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// apps returns the apps of what a file exports, and the key under which they
// are, where PM2 looks for them: apps, then pm2, then the exported value itself.
func (v value) apps() (list []value, key string) {
	key, apps := "apps", v
	switch {
	case v.get("apps").truthy:
		apps = v.get("apps")
	case v.get("pm2").truthy:
		key, apps = "pm2", v.get("pm2")
	}
	return apps.elements(), key
}

// differences lists the places in which the apps of two trees differ.
func differences(a, b value) []string {
	listA, key := a.apps()
	listB, _ := b.apps()
	if len(listA) != len(listB) {
		return []string{"how many apps there are"}
	}
	var out []string
	for i := range listA {
		place := appPlace(key, i, listA[i])
		compare(listA[i], listB[i], "", func(at string, was value) {
			if at == "instances" && was.cpus != nil {
				return
			}
			if at != "" {
				at = " " + at
			}
			out = append(out, place+at)
		})
	}
	return out
}

// mostPlaces is how many places a note about a fact names.
const mostPlaces = 3

// places lists what a fact decides.
func places(list []string) string {
	if more := len(list) - mostPlaces; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:mostPlaces], ", "), more)
	}
	return strings.Join(list, ", ")
}

// appPlace is how messages name an app.
func appPlace(key string, i int, app value) string {
	place := fmt.Sprintf("%s[%d]", key, i)
	if name := app.get("name"); name.kind == String && name.truthy {
		place += " " + quoted(name.text)
	}
	return place
}

// compare calls differ with every place in which a and b are not the same.
func compare(a, b value, at string, differ func(at string, was value)) {
	switch {
	case a.kind == Object && b.kind == Object && a.raw == "" && b.raw == "":
		for _, f := range a.fields {
			compare(f.value, b.get(f.key), join(at, f.key), differ)
		}
		for _, f := range b.fields {
			if f.value.kind != Absent && !a.has(f.key) {
				differ(join(at, f.key), value{})
			}
		}
	case a.kind == Array && b.kind == Array && len(a.list) == len(b.list):
		for i := range a.list {
			compare(a.list[i], b.list[i], at+"["+strconv.Itoa(i)+"]", differ)
		}
	case a.kind != b.kind || a.text != b.text || a.kind == Array:
		differ(at, a)
	}
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

// has reports whether an object has a property, be it undefined.
func (v value) has(key string) bool {
	for _, f := range v.fields {
		if f.key == key {
			return true
		}
	}
	return false
}

// markCPUs marks the numbers that are the CPUs plus the same in both trees.
func markCPUs(v *value, some, more value) {
	switch v.kind {
	case Number:
		if some.kind == Number && more.kind == Number {
			v.cpus = beyond(some.number, more.number)
		}
	case Object:
		for i := range v.fields {
			f := &v.fields[i]
			markCPUs(&f.value, some.get(f.key), more.get(f.key))
		}
	case Array:
		if len(some.list) == len(v.list) && len(more.list) == len(v.list) {
			for i := range v.list {
				markCPUs(&v.list[i], some.list[i], more.list[i])
			}
		}
	}
}

// beyond returns how much more than the CPUs two numbers are.
func beyond(some, more float64) *int {
	k := some - someCPUs
	if k != more-moreCPUs || k != math.Trunc(k) {
		return nil
	}
	n := int(k)
	return &n
}

// markInstances does the same for instances that are a number as a string.
func (v *value) markInstances(some, more value) {
	listA, _ := some.apps()
	listB, _ := more.apps()
	mine, _ := v.apps()
	if len(listA) != len(mine) || len(listB) != len(mine) {
		return
	}
	for i := range mine {
		for j := range mine[i].fields {
			f := &mine[i].fields[j]
			if f.key != "instances" || f.value.kind != String {
				continue
			}
			n, err := strconv.ParseFloat(f.value.text, 64)
			a, errA := strconv.ParseFloat(listA[i].get(f.key).text, 64)
			b, errB := strconv.ParseFloat(listB[i].get(f.key).text, 64)
			if k := beyond(a, b); err == nil && errA == nil && errB == nil && k != nil {
				f.value = value{kind: Number, text: f.value.text, number: n, truthy: n != 0, cpus: k}
			}
		}
	}
}

// leftBehind lists the places whose text is below the folder in which the file
// is now, where the apps will be somewhere else.
func (s *source) leftBehind(v value) []string {
	if s.home == s.root {
		return nil
	}
	list, key := v.apps()
	var out []string
	var walk func(v value, at string)
	walk = func(v value, at string) {
		switch v.kind {
		case String:
			if s.mentions(v.text) {
				out = append(out, at)
			}
		case Object:
			for _, f := range v.fields {
				walk(f.value, join(at, f.key))
			}
		case Array:
			for i, e := range v.list {
				walk(e, at+"["+strconv.Itoa(i)+"]")
			}
		}
	}
	for i, app := range list {
		for _, f := range app.fields {
			walk(f.value, appPlace(key, i, app)+" "+f.key)
		}
	}
	return out
}

// partOfName are the characters after which a path goes on with the same name.
const partOfName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// mentions reports whether a text has a path in the folder where the file is.
func (s *source) mentions(text string) bool { return s.moved(text) != text }

// moved returns a text with the paths in the folder where the file is now moved
// to where it will be.
func (s *source) moved(text string) string {
	if s.home == s.root || s.home == "/" {
		return text
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, s.home)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if after != "" && strings.Contains(partOfName, after[:1]) {
			out.WriteString(s.home)
		} else {
			out.WriteString(s.root)
		}
		text = after
	}
}
