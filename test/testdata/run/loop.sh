echo "loop ends" >&2
exit 2
