# bash completion for gopm-gen(1)

_gopm_gen() {
	local cur prev words cword
	_init_completion -n = || return

	# --flag=value is completed like --flag value.
	local flag=$prev
	if [[ $cur == --*=* ]]; then
		flag=${cur%%=*}
		cur=${cur#*=}
	fi
	case $flag in
	--nfpm)
		# Its file comes after =, and nothing but that.
		if [[ $flag != "$prev" ]]; then
			_filedir '@(yml|yaml)'
			return
		fi
		;;
	--app-root | --output)
		_filedir -d
		return
		;;
	--service-user)
		COMPREPLY=($(compgen -u -- "$cur"))
		return
		;;
	--env)
		COMPREPLY=($(compgen -W 'production staging development test' -- "$cur"))
		return
		;;
	--listen | --only | --prefix | --systemd-version)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W '--app-root --check --diff --dry-run --env --help --json --listen --nfpm --node
			--only --output --prefix --print-apps --print-units --service-user --systemd-version --user --version' -- "$cur"))
		return
	fi
	COMPREPLY=()
	((cword == 1)) && COMPREPLY=($(compgen -W attributes -- "$cur"))
	_filedir '@(js|cjs|mjs|ts|json|json5|yml|yaml)'
} &&
	complete -F _gopm_gen gopm-gen
