// The end of a run's log file. It asks again every two seconds while the run is live and keeps
// to the last line unless the reader has scrolled up.
import { useEffect, useLayoutEffect, useRef, useState } from "react";

export function LogView({ run, live, ...rest }) {
  const [text, setText] = useState("");
  const box = useRef(null), follow = useRef(true);

  useEffect(() => {
    let current = true;
    async function load() {
      const fresh = await fetch(`/api/runs/${encodeURIComponent(run)}/log?lines=400`)
        .then((answer) => (answer.ok ? answer.text() : null), () => null);
      if (!current || fresh === null) return;
      const { scrollHeight, scrollTop, clientHeight } = box.current;
      follow.current = scrollHeight - scrollTop - clientHeight < 40;
      setText(fresh);
    }
    if (!run) return;
    load();
    const timer = live ? setInterval(load, 2000) : null;
    return () => { current = false; clearInterval(timer); };
  }, [run, live]);

  useLayoutEffect(() => {
    if (follow.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);

  return (
    <pre {...rest} ref={box} className="bp-log" tabIndex={0} aria-label="Process log">
      {text || "The log is empty."}
    </pre>
  );
}
