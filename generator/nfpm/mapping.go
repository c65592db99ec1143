package nfpm

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// mapping is one of a configuration. What is not touched stays as the packager wrote
// it: a version such as 1.10 is not a number.
type mapping struct {
	node  *yaml.Node
	place string // what goes before its keys in a message
}

// get returns a value, nil if there is none.
func (m mapping) get(key string) *yaml.Node {
	if m.node == nil {
		return nil
	}
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == key {
			return m.node.Content[i+1]
		}
	}
	return nil
}

func (m mapping) set(key string, value *yaml.Node) {
	m.node.Content = append(m.node.Content, scalar(key), value)
}

// keys lists the keys, none of a mapping that isn't there.
func (m mapping) keys() []string {
	var out []string
	for i := 0; m.node != nil && i+1 < len(m.node.Content); i += 2 {
		out = append(out, m.node.Content[i].Value)
	}
	return out
}

// mapping returns a mapping in this one. create makes one that is missing.
func (m mapping) mapping(key string, create bool) (mapping, error) {
	node, err := m.child(key, yaml.MappingNode, "a mapping", create)
	return mapping{node, m.place + key + "."}, err
}

// list is the same for a list.
func (m mapping) list(key string, create bool) (*yaml.Node, error) {
	return m.child(key, yaml.SequenceNode, "a list", create)
}

func (m mapping) child(key string, kind yaml.Kind, what string, create bool) (*yaml.Node, error) {
	if m.node != nil && m.node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: is not a mapping", m.node.Line)
	}
	node := m.get(key)
	switch {
	case node != nil && node.Kind != kind:
		return nil, fmt.Errorf("%s%s is not %s", m.place, key, what)
	case node == nil && create:
		node = &yaml.Node{Kind: kind}
		m.set(key, node)
	}
	return node, nil
}

func scalar(text string) *yaml.Node {
	var n yaml.Node
	n.SetString(text) // with quotes where YAML needs them
	return &n
}

// entry is a mapping of strings.
func entry(pairs ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, text := range pairs {
		n.Content = append(n.Content, scalar(text))
	}
	return n
}
