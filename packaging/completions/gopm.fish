# fish completion for gopm(1)

function __gopm_apps
	set -l user
	contains -- --user (commandline -opc); and set user --user
	gopm ls $user --names 2>/dev/null
end

# __gopm_at VERB N: it is the word N after the verb that is asked for.
function __gopm_at
	set -l words (string match --invert -- '-*' (commandline -opc))
	test (count $words) = (math $argv[-1] + 1); and contains -- $words[2] $argv[1..-2]
end

set -l from __fish_seen_subcommand_from
set -l first 'test (count (commandline -opc)) = 1'

complete -c gopm -f
complete -c gopm -n $first -a run -d 'run the apps of an ecosystem file here'
complete -c gopm -n $first -a 'ls list status' -d 'the apps and what their workers do'
complete -c gopm -n $first -a 'describe show info' -d 'all that is known of an app'
complete -c gopm -n $first -a jlist -d 'the workers as pm2 jlist prints them'
complete -c gopm -n $first -a reload -d 'replace every worker, without losing a request'
complete -c gopm -n $first -a restart -d 'stop apps and start them again'
complete -c gopm -n $first -a start -d 'start apps'
complete -c gopm -n $first -a stop -d 'drain and stop apps'
complete -c gopm -n $first -a scale -d 'another number of workers'
complete -c gopm -n $first -a 'send trigger' -d 'give an app a message'
complete -c gopm -n $first -a 'signal sendSignal' -d 'send a signal to workers'
complete -c gopm -n $first -a env -d 'the environment of a worker'
complete -c gopm -n $first -a 'logs log' -d 'what the apps say'
complete -c gopm -n $first -a 'monit dash' -d 'all of it on a whole screen'
complete -c gopm -n $first -a help -d 'about a verb'
complete -c gopm -n '__gopm_at help 1' -a 'run ls list status describe show info jlist reload restart start stop scale send trigger signal sendSignal env logs log monit dash help'
complete -c gopm -n $first -l version -d 'print the version'
complete -c gopm -l help -d 'print help'

complete -c gopm -n "$from ls list status reload restart start stop logs log; or __gopm_at describe show info scale send trigger env 1" -a '(__gopm_apps)'
complete -c gopm -n "$from reload restart start stop logs log" -a all -d 'every app'
complete -c gopm -n '__gopm_at scale 2' -a '+1 -1' -d 'so many more or less'
complete -c gopm -n '__gopm_at scale 2' -a max -d 'as many as CPUs may be used'
complete -c gopm -n '__gopm_at scale 2' -a file -d 'as many as the ecosystem file says'
complete -c gopm -n '__gopm_at signal sendSignal 1' -a 'SIGINT SIGTERM SIGKILL SIGUSR1 SIGUSR2 SIGHUP'
complete -c gopm -n "$from signal sendSignal; and not __gopm_at signal sendSignal 1" -a '(__gopm_apps) all'

complete -c gopm -n "not $first; and not $from help run" -l user -d 'the apps of your own service manager'
complete -c gopm -n "$from ls list status describe show info logs log run" -l json -d 'print JSON'
complete -c gopm -n "$from ls list status" -l names -d 'print the names of the apps alone'
complete -c gopm -n "$from reload send trigger" -l quiet -d 'print nothing but an error'
complete -c gopm -n "$from send trigger" -l topic -x -d "make it PM2's process:msg"
complete -c gopm -n "$from env" -l secrets -d 'show secrets too'
complete -c gopm -n "$from run logs log" -l raw -d 'nothing but what was said'
complete -c gopm -n "$from run" -F
complete -c gopm -n "$from run" -l env -x -d 'take env_NAME too'
complete -c gopm -n "$from run" -l node -d 'have node evaluate the file'
complete -c gopm -n "$from run" -l only -x -d 'run these apps alone'
complete -c gopm -n "$from logs log" -l err -d 'standard error alone'
complete -c gopm -n "$from logs log" -l out -d 'standard output alone'
complete -c gopm -n "$from logs log" -l grep -x -d 'only lines that match'
complete -c gopm -n "$from logs log" -l highlight -x -d 'have what matches stand out'
complete -c gopm -n "$from logs log" -l lines -x -d 'how many to begin with'
complete -c gopm -n "$from logs log" -l nostream -d 'print what there is, and end'
complete -c gopm -n "$from logs log" -l timestamp -d 'begin each line with its time'
