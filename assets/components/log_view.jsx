// The end of a run's log file. It asks again every two seconds while the run is live and keeps
// to the last line unless the reader has scrolled up.
import { useEffect, useRef, useState } from "react";

export function LogView({ run, live, ...rest }) {
  const [text, setText] = useState("");
  const box = useRef(null);

  useEffect(() => {
    let current = true;
    async function load() {
      const fresh = await fetch(`/api/runs/${encodeURIComponent(run)}/log?lines=400`)
        .then((answer) => (answer.ok ? answer.text() : null), () => null);
      if (!current || fresh === null) return;
      const atEnd = box.current && box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < 40;
      setText(fresh);
      if (atEnd) requestAnimationFrame(() => { if (box.current) box.current.scrollTop = box.current.scrollHeight; });
    }
    if (!run) return;
    load();
    const timer = live ? setInterval(load, 2000) : null;
    return () => { current = false; clearInterval(timer); };
  }, [run, live]);

  return (
    <pre {...rest} ref={box} className="bp-log" tabIndex={0} aria-label="Process log">
      {text || "The log is empty."}
    </pre>
  );
}
