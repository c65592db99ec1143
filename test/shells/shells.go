// Package shells completes command lines as somebody does who presses Tab there.
package shells

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Shell is one whose completions are shipped.
type Shell struct {
	Name string
	// command gets the script, the program and then lines. For each it prints begin
	// and then the words that fit.
	command []string
	file    func(program string) string
}

// begin begins what is of a line.
const begin = "::"

// All are all of them.
func All() []Shell {
	return []Shell{
		{"bash", []string{"bash", "--norc", "-c", `
source /usr/share/bash-completion/bash_completion
source "$1"
program=$2
shift 2
for line; do
	read -ra COMP_WORDS <<<"$line"
	[[ $line != *' ' ]] || COMP_WORDS+=('')
	COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	"_${program//-/_}"
	printf '%s\n' :: "${COMPREPLY[@]}"
done`, "bash"}, func(program string) string { return program + ".bash" }},
		{"fish", []string{"fish", "--no-config", "--command", `
source $argv[1]
for line in $argv[3..]
	echo ::
	complete --do-complete $line | cut -f1
end`}, func(program string) string { return program + ".fish" }},
		// It completes at a terminal alone. What it would show goes through compadd,
		// which tells the words that fit; some calls only fill variables.
		{"zsh", []string{"zsh", "-f", "-c", `
zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab 'fpath=('${1:h}' $fpath); autoload -Uz compinit; compinit -u
compadd() {
	if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
		local -a fitting
		builtin compadd -A fitting "$@"
		print -rl -- "<"$^fitting">"
	fi
	builtin compadd "$@"
}
tell() { zle list-choices; print EN"DED" }
zle -N tell
bindkey "^I" tell
print REA"DY"'
zpty -r tab seen '*READY*'
shift 2
for line; do
	zpty -w -n tab "$line"$'\t'
	zpty -r tab seen '*ENDED*' # with keys waiting, zsh might not complete
	zpty -w -n tab $'\C-u'
	print ::
	print -r -- $seen | grep -o '<[a-z][^>]*>\|<--[^>]*>' | tr -d '<>'
done`, "zsh"}, func(program string) string { return "_" + program }},
	}
}

// Complete returns the words that fit at the end of each line, sorted. The shell
// runs in dir, which is also its home, and finds programs in dir first. scripts is
// the folder of the completions.
func (s Shell) Complete(ctx context.Context, scripts, program, dir string, lines []string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	file, err := filepath.Abs(filepath.Join(scripts, s.file(program)))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.command[0], append(append(slices.Clone(s.command[1:]), file, program), lines...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	var fit [][]string
	for _, word := range strings.Fields(string(out)) {
		switch {
		case word == begin:
			fit = append(fit, nil)
		case len(fit) > 0:
			fit[len(fit)-1] = append(fit[len(fit)-1], word)
		}
	}
	if len(fit) != len(lines) {
		return nil, fmt.Errorf("complete %d lines in %s: it has answered %d: %w\n%s", len(lines), s.Name, len(fit), err, out)
	}
	for i := range fit {
		fit[i] = slices.Compact(slices.Sorted(slices.Values(fit[i])))
	}
	return fit, nil
}
