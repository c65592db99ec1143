# bash completion for gopm(1)

_gopm() {
	local cur prev words cword
	_init_completion -n = || return

	local verbs='run ls list status describe show info jlist reload restart start stop scale send trigger signal sendSignal env logs log monit dash help'
	if ((cword == 1)); then
		COMPREPLY=($(compgen -W "$verbs --help --version" -- "$cur"))
		return
	fi
	local verb=${words[1]} user=
	[[ " ${words[*]} " != *' --user '* ]] || user=--user
	if [[ $cur == -* ]]; then
		local flags='--help --user'
		case $verb in
		ls | list | status) flags+=' --json --names' ;;
		describe | show | info) flags+=' --json' ;;
		reload) flags+=' --quiet' ;;
		send | trigger) flags+=' --quiet --topic' ;;
		env) flags+=' --secrets' ;;
		run) flags='--help --env --json --node --only --raw' ;;
		logs | log) flags+=' --err --grep --highlight --json --lines --nostream --out --raw --timestamp' ;;
		help) flags= ;;
		esac
		COMPREPLY=($(compgen -W "$flags" -- "$cur"))
		return
	fi
	local apps all=
	case $verb:$cword in
	help:2)
		COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
		return
		;;
	signal:2 | sendSignal:2)
		COMPREPLY=($(compgen -A signal -- "$cur"))
		return
		;;
	scale:3)
		COMPREPLY=($(compgen -W '+1 -1 max file' -- "$cur"))
		return
		;;
	reload:* | restart:* | start:* | stop:* | signal:* | sendSignal:* | logs:* | log:*) all=all ;;
	run:2)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	ls:* | list:* | status:*) ;;
	describe:2 | show:2 | info:2 | scale:2 | send:2 | trigger:2 | env:2) ;;
	*) return ;;
	esac
	apps=$(gopm ls $user --names 2>/dev/null)
	COMPREPLY=($(compgen -W "$apps $all" -- "$cur"))
} &&
	complete -F _gopm gopm
