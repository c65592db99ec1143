// Package packaging holds the maintainer scripts of an app's package. dh_gopm and
// the macros of rpm are made of the same files.
package packaging

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed scripts/deb scripts/rpm
var scripts embed.FS

// Script returns a maintainer script that dpkg and rpm both can run, in the shell's
// language. name is dpkg's: postinst, prerm or postrm. apps are what the apps' units
// are called, logs the folders that a purge removes, each quoted for a shell.
func Script(name string, apps, logs []string) (string, error) {
	byRPM, ok := map[string]string{"postinst": "post", "prerm": "preun", "postrm": "postun"}[name]
	if !ok {
		return "", fmt.Errorf("there is no maintainer script %s", name)
	}
	deb, err := scripts.ReadFile("scripts/deb/" + name)
	if err != nil {
		return "", fmt.Errorf("read maintainer script %s: %w", name, err)
	}
	rpm, err := scripts.ReadFile("scripts/rpm/" + byRPM)
	if err != nil {
		return "", fmt.Errorf("read maintainer script %s: %w", byRPM, err)
	}
	text := "set -e\ncase \"$1\" in\n" +
		"[0-9]*) # rpm: how many versions are there when this is over\n" + indent(string(rpm)) + "\t;;\n" +
		"*) # dpkg\n" + indent(string(deb)) + "\t;;\nesac\n"
	return strings.NewReplacer("#APPS#", strings.Join(apps, " "), "#LOGS#", strings.Join(logs, " ")).Replace(text), nil
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n\t") + "\n"
}
