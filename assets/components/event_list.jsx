// What happened in a run, newest first. `seq` in the state says that something is new; the
// entries themselves come over HTTP, so a long run costs the socket nothing.
import { useEffect, useMemo, useRef, useState } from "react";

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const NOTHING = { events: [], last: 0 };

export function EventList({ run, seq, ...rest }) {
  const [entries, setEntries] = useState([]);
  const held = useRef({ run: null, last: 0 });

  useEffect(() => {
    let current = true;
    if (held.current.run !== run) { held.current = { run, last: 0 }; setEntries([]); }
    if (!run) return;
    fetch(`/api/runs/${encodeURIComponent(run)}/events?after=${held.current.last}`)
      .then((answer) => (answer.ok ? answer.json() : NOTHING), () => NOTHING)
      .then(({ events, last }) => {
        if (!current || held.current.run !== run || last <= held.current.last) return;
        held.current.last = last;
        setEntries((before) => [...events.reverse(), ...before]);
      });
    return () => { current = false; };
  }, [run, seq]);

  // The page draws anew at every step; a long list must not be made again each time.
  const items = useMemo(() => entries.map((entry) => (
    <li key={entry.seq} data-tone={entry.tone}>
      <time dateTime={new Date(entry.at * 1000).toISOString()}>{CLOCK.format(entry.at * 1000)}</time>
      <span>{entry.text}</span>
    </li>
  )), [entries]);

  if (!entries.length) return <p {...rest} className="bp-quiet">Nothing has happened yet.</p>;
  return (
    <ol {...rest} className="bp-events" tabIndex={0} aria-label="Events, newest first">
      {items}
    </ol>
  );
}
