echo plain is up
exec tail -f /dev/null
