package main

const usage = `gopm-gen turns a PM2 ecosystem file into systemd units. It needs no Node.

usage: gopm-gen [flags] [FILE]       units, and a report of what became what
       gopm-gen attributes [--json]  every PM2 attribute and what becomes of it

FILE is - for the standard input. Where none is given it is the first that exists
of ecosystem.config.js, .cjs, .mjs and .ts, ecosystem.json, .json5, .yml and .yaml,
pm2.config.js and .cjs, process.json and .yml, package.json with a key pm2 or apps.

what to do (else: write the units)
      --dry-run            print the units, write nothing
      --diff               print what differs from the units that are there; exit 1 if
                           any does (there: below --output, by default what is installed)
      --check              print the report, write nothing; exit 1 if anything is lost
      --print-apps         print the apps as PM2 sees them, as JSON
      --print-units        print the units and the report as JSON, as gopm run takes them

what to read
      --env NAME           take the variables of env_NAME too
      --only APP,APP       these apps alone; repeatable
      --app-root DIR       where the app will live on the machine that runs it: relative
                           paths in FILE start there (default: the folder of FILE)
      --node               evaluate FILE with this machine's Node

what to make of it
      --listen APP=ADDR    port or address:port that APP listens on; repeatable
      --prefix TEXT        put TEXT before the name of every unit
      --service-user NAME  account of the apps that name none (default: one for each)
      --systemd-version N  version that the units must work with, 249 to 300 (default: 249)
      --user               units for systemctl --user

where to put it
      --output DIR         staging root for the units (default: $DESTDIR, else gopm-units
                           beside FILE)
      --nfpm[=FILE]        write what nfpm builds a package from too: DIR/nfpm.yaml, which is
                           FILE (default: nfpm.yaml) with the units and scripts added to it

      --json               print the report, and mistakes, as JSON
      --version            print the version
      --help               print this

The units go to DIR/usr/lib/systemd/system, or user, and what goes with them to
sysusers.d, tmpfiles.d and system-preset in DIR/usr/lib and to logrotate.d and gopm in
DIR/etc. Files that an earlier run made of FILE and that it no longer needs are
removed; a file that gopm-gen did not write is never touched.

The exit code is 0, 1 for a mistake in FILE (nothing is written then), 2 for one on
the command line.

examples:
  gopm-gen --dry-run                                     look at the units first
  gopm-gen --diff                                        what would change on this machine
  gopm-gen --app-root /srv/my-api ecosystem.config.js    build here, run there
  gopm-gen --env production --listen api=127.0.0.1:3000  choose variables and a port
  gopm-gen --output debian/my-api ecosystem.config.js    straight into a package
  gopm-gen --nfpm --app-root /usr/lib/my-api             into a package that nfpm builds
  gopm-gen --check --json ecosystem.config.js            in a pipeline
`
