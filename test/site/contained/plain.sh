exec tail -f /dev/null
