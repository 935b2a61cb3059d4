# A throwaway PostgreSQL for scripts that measure, which source this file, and an fsync that can be made slow. Uses $dir
# (their folder). Gives prepare_fsync, fsync_takes, start_postgres, fresh_database, stop_postgres; $postgres_pid,
# $postgres_port; $shim and $delay for other programs whose fsync shall be as slow (empty before: none is made slow).

shim=${shim-${dir-}/slow_fsync.so}
delay=${delay-${dir-}/fsync_us}

# Before anything is started.
prepare_fsync() {
    cc -O2 -shared -fPIC -o "$shim" "$root/scripts/slow_fsync.c"
    : >"$delay"
    fsync_takes 0
}

# How many µs an fsync takes. In place: programs have the file mapped.
fsync_takes() { printf '%08d\n' "$1" 1<>"$delay"; }

postgres_bin() {
    local bin
    bin=$(pg_config --bindir 2>/dev/null || true)
    [ -x "$bin/initdb" ] || bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    [ -x "$bin/initdb" ] || { echo "bench: no PostgreSQL server binaries found" >&2; return 1; }
    echo "$bin"
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$EUID" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

start_postgres() {
    bin=$(postgres_bin)
    postgres_data=$dir/postgres
    postgres_port=$(free_port)
    mkdir "$postgres_data"
    [ "$EUID" -ne 0 ] || chown postgres "$postgres_data"
    # --no-locale: the keys that are searched say COLLATE "C" themselves
    as_postgres "$bin/initdb" -D "$postgres_data" -U postgres -A trust -E UTF8 --no-locale --no-sync >/dev/null
    # checkpoints are asked for between the cells; none shall fall into one
    as_postgres env LD_PRELOAD="$shim" SLOW_FSYNC_FILE="$delay" "$bin/pg_ctl" -D "$postgres_data" -s -w \
        -l "$postgres_data/log" start -o "-h 127.0.0.1 -p $postgres_port -k $postgres_data \
        -c fsync=on -c synchronous_commit=on -c shared_buffers=256MB -c max_connections=200 \
        -c max_wal_size=4GB -c checkpoint_timeout=1h"
    postgres_pid=$(head -1 "$postgres_data/postmaster.pid")
}

stop_postgres() {
    [ -z "${postgres_pid:-}" ] || as_postgres "$bin/pg_ctl" -D "$postgres_data" -s -m fast stop || true
    postgres_pid=
}

sql() {
    "$bin/psql" -h 127.0.0.1 -p "$postgres_port" -U postgres -X -q -v ON_ERROR_STOP=1 "$@"
}

# An empty database `bench`, and nothing left to be written for the last one.
fresh_database() {
    sql -d postgres -c 'DROP DATABASE IF EXISTS bench WITH (FORCE)' -c 'CREATE DATABASE bench' -c CHECKPOINT \
        2>/dev/null
}

# The same tables as the server makes, and the sequence of pgbench_event.sql.
pgbench_database() {
    local up
    fresh_database
    for up in "$root"/migrations/postgres/*/up.sql; do sql -d bench -f "$up"; done
    sql -d bench -c 'CREATE SEQUENCE bench_change' -c CHECKPOINT
}
