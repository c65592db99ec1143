#!/bin/sh
# remove is dpkg's word for it, 0 rpm's.
set -e

case "$1" in
remove | 0)
	if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
		# Apps with a package of their own have gone before. Those without one
		# can't be drained any more once gopm is gone.
		units=$(systemctl list-units --plain --no-legend --full 'gopm-activator@*.service')
		invoke=$(command -v deb-systemd-invoke || echo systemctl)
		echo "$units" | sed -n 's/^gopm-activator@\(.*\)\.service .*/\1.target/p' |
			while read -r target; do
				"$invoke" stop "$target" || true
			done
	fi
	;;
esac
