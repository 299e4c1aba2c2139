#!/bin/sh
# A step of a deployment that tells of itself: logged-program.sh FOLDER NAME VERSION
# In FOLDER: `log` gets a line when it starts and when it ends; `lock` says who works; `hold-NAME-VERSION` keeps it waiting for as long
# as it is there; `fail-NAME-VERSION` holds how often it still has to fail; `live` is the version that `deploy` and `rollback` put there.
folder=$1 name=$2 version=$3
cd "$folder" || exit 1

if [ "$name" = current ]; then
  echo "look current - $$" >> log
  look=$(grep -c '^look ' log)
  while [ -e "hold-current-$look" ]; do sleep 0.1; done
  cat live
  exit 0
fi

echo "start $name $version $$" >> log
# A link is made in one operation, and says by whom.
until ln -s "$$" lock 2> /dev/null; do
  owner=$(readlink lock) || continue
  case $(ps -o stat= -p "$owner") in
    '' | Z*) ;;
    *) echo "overlap $name $version $$" >> log ;;
  esac
  rm -f lock
done

while [ -e "hold-$name-$version" ]; do sleep 0.1; done

failures=$(cat "fail-$name-$version" 2> /dev/null || echo 0)
if [ "$failures" -gt 0 ]; then
  echo $((failures - 1)) > "fail-$name-$version"
  echo "fail $name $version $$" >> log
  rm -f lock
  echo "$name does not want to" >&2
  exit 1
fi

case $name in
  deploy | rollback)
    printf %s "$version" > live.new
    mv live.new live
    ;;
esac
echo "end $name $version $$" >> log
rm -f lock
