#!/bin/sh
# valgrind.sh BUILD: makes BUILD/under, in which every program is a script that runs it by valgrind,
# and all else is a link. What relauditd starts of itself is traced too, other people's programs not.
set -eu
build=$1 under=$1/under here=$(cd "$(dirname "$0")" && pwd) valgrind=$(command -v valgrind)
gcc -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wno-unused-parameter -fPIC -shared \
	-o "$build/valgrind.so" "$here/valgrind.c"
rm -rf "$under"
mkdir -p "$under/daemon" "$under/tests/unit"
for path in "$build"/* "$build"/daemon/* "$build"/tests/unit/*; do
	to=$under${path#"$build"}
	if [ -f "$path" ] && [ -x "$path" ] && [ "${path%.so}" = "$path" ]; then
		# argv[0] is lost on the way, but for what valgrind.c keeps.
		cat >"$to" <<END
#!/bin/sh
export LD_PRELOAD="$build/valgrind.so"
exec $valgrind -q --suppressions='$here/valgrind.supp' --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \\
	--show-leak-kinds=definite,indirect --num-callers=20 --trace-children=yes \\
	--trace-children-skip='/usr/*,/bin/*,/sbin/*,/run/*,/tmp/*,*/servers/*' --max-stackframe=4000000 \\
	--error-markers='Memcheck report','end of report' \\
	'$path' "\$@"
END
		chmod 755 "$to"
	elif [ ! -e "$to" ]; then
		ln -s "$path" "$to"
	fi
done
