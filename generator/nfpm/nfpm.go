// Package nfpm makes what nfpm (https://nfpm.goreleaser.com) needs to build an app's
// package: a configuration that lists the units, and maintainer scripts.
package nfpm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/packaging"
	"github.com/gopm/gopm/units"
)

// Config is the name of the configuration: that of nfpm's own default.
const Config = "nfpm.yaml"

// scripts are the folder of the maintainer scripts, and by nfpm's name for each
// its file there.
const scripts = "nfpm"

var scriptNames = []struct{ key, file string }{{"postinstall", "postinst"}, {"preremove", "prerm"}, {"postremove", "postrm"}}

// ErrScript says that a configuration has a maintainer script of its own, where
// gopm's must be.
var ErrScript = errors.New("is taken: gopm's script has to be there")

// Input is what a package is made of.
type Input struct {
	Base   string           // the packager's own configuration; may be empty
	From   string           // the ecosystem file, for the first line
	Output string           // the staging root of the units, as nfpm is to find it
	Units  []units.File     // all files that are staged there
	Report generator.Report // of the same conversion
}

// Extend returns the files that go below the staging root: the configuration with
// the units, the dependency on gopm and the scripts added to it, and the scripts.
func Extend(in Input) (*units.Set, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(in.Base), &document); err != nil {
		return nil, err
	}
	if document.Kind == 0 {
		document = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	config := mapping{document.Content[0], ""}
	overrides, err := config.mapping("overrides", false)
	if err != nil {
		return nil, err
	}
	parts := []mapping{config}
	for _, format := range overrides.keys() {
		part, err := overrides.mapping(format, false)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	for i, part := range parts {
		// What a format has of its own replaces what is there for all.
		if err := in.extend(part, i == 0); err != nil {
			return nil, err
		}
	}
	text, err := yaml.Dump(&document, yaml.WithIndent(2))
	if err != nil {
		return nil, err
	}
	return in.files(string(text))
}

// files makes the set.
func (in Input) files(config string) (*units.Set, error) {
	var apps, logs []string
	for _, app := range in.Report.Apps {
		if app.Unit != "" {
			apps, logs = append(apps, app.Unit), append(logs, app.Logs...)
		}
	}
	mark := fmt.Sprintf("%s --nfpm from %s\n", generator.Mark, in.From)
	var set units.Set
	if err := set.Add(Config, mark+config); err != nil {
		return nil, err
	}
	for _, s := range scriptNames {
		text, err := packaging.Script(s.file, apps, logs)
		if err != nil {
			return nil, err
		}
		if err := set.Add(path.Join(scripts, s.file), "#!/bin/sh\n"+mark+text); err != nil {
			return nil, err
		}
	}
	return &set, nil
}

// extend adds to a configuration, or to what it has for one format. Of that only
// what is there already is extended.
func (in Input) extend(config mapping, all bool) error {
	depends, err := config.list("depends", all)
	if err != nil {
		return err
	}
	if depends != nil && !slices.ContainsFunc(depends.Content, isGopm) {
		depends.Content = append(depends.Content, scalar("gopm"))
	}
	own, err := config.mapping("scripts", all)
	if err != nil {
		return err
	}
	if own.node != nil {
		for _, s := range scriptNames {
			if own.get(s.key) != nil {
				return fmt.Errorf("%sscripts.%s %w", config.place, s.key, ErrScript)
			}
			own.set(s.key, scalar(path.Join(in.Output, scripts, s.file)))
		}
	}
	contents, err := config.list("contents", all)
	if err != nil || contents == nil {
		return err
	}
	var folders []string
	for _, f := range in.Units {
		// rpm removes folders that a package has, and no others.
		if dir := path.Dir(f.Path); strings.HasSuffix(dir, ".service.d") && !slices.Contains(folders, dir) {
			folders = append(folders, dir)
			contents.Content = append(contents.Content, entry("dst", "/"+dir, "type", "dir"))
		}
		item := []string{"src", path.Join(in.Output, f.Path), "dst", "/" + f.Path}
		if strings.HasPrefix(f.Path, "etc/") {
			item = append(item, "type", "config|noreplace")
		}
		contents.Content = append(contents.Content, in.mode(entry(item...), f.Perm()))
	}
	return nil
}

// mode says the permissions of a file: those on the disk depend on the umask of
// whoever checked the project out.
func (in Input) mode(item *yaml.Node, mode fs.FileMode) *yaml.Node {
	number := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprintf("%#o", mode)}
	info := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{scalar("mode"), number}}
	item.Content = append(item.Content, scalar("file_info"), info)
	return item
}

// isGopm reports whether a dependency is one on gopm, whatever its version.
func isGopm(n *yaml.Node) bool {
	name, _, _ := strings.Cut(n.Value, " ")
	return name == "gopm"
}
