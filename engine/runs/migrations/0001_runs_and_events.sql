create table runs (
    id text primary key,
    kind text not null,
    name text not null,
    status text not null,
    status_reason text not null default '',
    config text not null,
    output_dir text not null,
    origin text not null,
    created_at real not null,
    queued_at real not null,
    started_at real,
    ended_at real,
    heartbeat_at real,
    supervisor_pid integer,
    supervisor_created_at real,
    child_pid integer,
    child_created_at real,
    requested text,
    attempt integer not null default 0,
    step integer not null default 0,
    total_steps integer not null default 0,
    loss real,
    eval_loss real,
    best_eval_loss real,
    best_step integer,
    tokens_per_second real,
    eta_seconds real,
    result text,
    error text
);
create index runs_by_creation on runs (created_at desc, id desc);
create index runs_by_status on runs (status, queued_at);

create table events (
    seq integer primary key autoincrement,
    run_id text not null references runs (id) on delete cascade,
    at real not null,
    kind text not null,
    data text not null
);
create index events_by_run on events (run_id, seq);

create table readings (
    at real primary key,
    data text not null
);

-- One row: whoever may start queued runs. Replaced when its process is gone.
create table dispatcher (
    only_row integer primary key check (only_row = 1),
    pid integer not null,
    created_at real not null
);
