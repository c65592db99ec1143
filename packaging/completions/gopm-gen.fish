# fish completion for gopm-gen(1)

complete -c gopm-gen -f
complete -c gopm-gen -n 'test (count (commandline -opc)) = 1' -a attributes -d 'every PM2 attribute and what becomes of it'
complete -c gopm-gen -k -a '(__fish_complete_suffix .js .cjs .mjs .ts .json .json5 .yml .yaml)'

complete -c gopm-gen -l dry-run -d 'print the units, write nothing'
complete -c gopm-gen -l diff -d 'print what differs from the units that are there'
complete -c gopm-gen -l check -d 'print the report, exit 1 if anything is lost'
complete -c gopm-gen -l print-apps -d 'print the apps as PM2 sees them, as JSON'
complete -c gopm-gen -l print-units -d 'print the units and the report, as JSON'
complete -c gopm-gen -l env -x -a 'production staging development test' -d 'take the variables of env_NAME too'
complete -c gopm-gen -l only -x -d 'these apps alone'
complete -c gopm-gen -l app-root -x -a '(__fish_complete_directories)' -d 'where the app will live'
complete -c gopm-gen -l node -d "evaluate the file with this machine's Node"
complete -c gopm-gen -l listen -x -d 'APP=ADDRESS that an app listens on'
complete -c gopm-gen -l prefix -x -d 'text before the name of every unit'
complete -c gopm-gen -l service-user -x -a '(__fish_complete_users)' -d 'account of the apps that name none'
complete -c gopm-gen -l systemd-version -x -d 'version that the units must work with'
complete -c gopm-gen -l user -d 'units for systemctl --user'
complete -c gopm-gen -l output -x -a '(__fish_complete_directories)' -d 'staging root for the units'
complete -c gopm-gen -l nfpm -d 'write what nfpm builds a package from too'
complete -c gopm-gen -l json -d 'print the report, and mistakes, as JSON'
complete -c gopm-gen -l version -d 'print the version'
complete -c gopm-gen -l help -d 'print help'
