echo "tick $WORD"
