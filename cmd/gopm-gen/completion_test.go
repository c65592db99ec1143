package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// shells complete a line as somebody does who presses Tab there: by the script
// in $1, the line being $2. Each prints a word a line.
var shells = []struct {
	name    string
	command []string
	file    string
}{
	{"bash", []string{"bash", "--norc", "-c", `
source /usr/share/bash-completion/bash_completion
source "$1"
read -ra COMP_WORDS <<<"$2"
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_gopm_gen
printf '%s\n' "${COMPREPLY[@]}"`, "bash"}, "gopm-gen.bash"},
	{"fish", []string{"fish", "--no-config", "--command", `
source $argv[1]
complete --do-complete $argv[2] | cut -f1`}, "gopm-gen.fish"},
	// It completes at a terminal alone. What it would show goes through compadd,
	// which tells the words that fit; some calls only fill variables.
	{"zsh", []string{"zsh", "-f", "-c", `
zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab 'fpath=('${1:h}' $fpath); autoload -Uz compinit; compinit -u; bindkey "^I" list-choices
compadd() {
	if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
		local -a fitting
		builtin compadd -A fitting "$@"
		print -rl -- "<"$^fitting">"
	fi
	builtin compadd "$@"
}
print REA"DY"'
zpty -r tab seen '*READY*'
zpty -w -n tab "$2"$'\t\C-u'
zpty -w tab 'print EN"DED"'
zpty -r tab seen '*ENDED*'
print -r -- $seen | grep -o '<[a-z][^>]*>\|<--[^>]*>' | tr -d '<>'`, "zsh"}, "_gopm-gen"},
}

func TestCompletions(t *testing.T) {
	flags := regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(usage, -1)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ecosystem.config.js"), nil)
	for _, shell := range shells {
		file, err := filepath.Abs(filepath.Join("../../packaging/completions", shell.file))
		if err != nil {
			t.Fatal(err)
		}
		for line, want := range map[string][]string{
			"gopm-gen --":             flags,
			"gopm-gen at":             {"attributes"},
			"gopm-gen --diff eco":     {"ecosystem.config.js"},
			"gopm-gen --env p":        {"production"},
			"gopm-gen --prefix x --j": {"--json"},
		} {
			t.Run(shell.name+" "+line, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, shell.command[0], append(slices.Clone(shell.command[1:]), file, line)...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
				out, err := cmd.CombinedOutput()
				if got := strings.Fields(string(out)); err != nil || !slices.Equal(sorted(got), sorted(want)) {
					t.Errorf("%v: %q\nwant %q", err, out, want)
				}
			})
		}
	}
}

func sorted(list []string) []string {
	list = slices.Sorted(slices.Values(list))
	return slices.Compact(list)
}
