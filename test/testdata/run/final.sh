echo "final ends"
exit 7
