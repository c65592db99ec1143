package units

import (
	"strconv"
	"strings"
)

// The names of an app's units. The app's own is their stem, such as my-api.

const (
	activatorStem = "gopm-activator@"
	service       = ".service"
)

// Agent is the file that gopm's package has for the workers to preload; their units
// name it.
const Agent = "/usr/lib/gopm/agent.cjs"

// Worker is the unit of an instance.
func Worker(app string, instance int) string { return app + "@" + strconv.Itoa(instance) + service }

// InstanceOf is the number of an app's worker unit; false for any other unit.
func InstanceOf(app, unit string) (instance int, ok bool) {
	number, ok := strings.CutPrefix(unit, app+"@")
	if !ok {
		return 0, false
	}
	number, ok = strings.CutSuffix(number, service)
	n, err := strconv.Atoi(number)
	return n, ok && err == nil && n >= 0 && strconv.Itoa(n) == number
}

// Activator is the unit of an app's activator.
func Activator(app string) string { return activatorStem + app + service }

// AppOfActivator is the app of an activator's unit; false for any other unit.
func AppOfActivator(unit string) (app string, ok bool) {
	app, ok = strings.CutPrefix(unit, activatorStem)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(app, service)
}
