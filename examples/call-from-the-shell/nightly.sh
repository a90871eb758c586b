#!/bin/sh
# backs one disk up, and says whether it is worth trying again
acomm call backup disk="$1" --timeout 2s --output json
case $? in
  0) echo "$1: done" ;;
  3) echo "$1: no answer in time; it was told to give up" ;;
  4) echo "$1: it did not run: try again later" ;;
  *) echo "$1: it failed" ;;
esac
